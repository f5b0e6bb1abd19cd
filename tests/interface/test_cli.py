"""The command `atdb`, run as operators run it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text as sql

from atdb_interface.client import Client
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests import night_reports
from tests.advancing import move_all
from tests.interface.conftest import Run

Observe = Callable[..., Observation]
CONTROLS = "\x1b[2J\x85\u2028\u202e\x9b"


def test_list_shows_the_newest_first_and_only_what_is_asked_for(run: Run, observe: Observe) -> None:
    old, new, other = observe(Status.VALID), observe(Status.INGESTING), observe(observing_mode="arts_sc4_survey")
    everything = run("atdb", "list", user="viewer")
    assert [line.split()[0] for line in everything.stdout.splitlines()] == [other.taskID, new.taskID, old.taskID]
    chosen = run("atdb", "list", "--status", "valid,ingesting", f"taskID__gt={old.taskID}", user="viewer")
    assert [line.split()[0] for line in chosen.stdout.splitlines()] == [new.taskID]
    assert (chosen.returncode, chosen.stderr) == (0, "")


def test_a_filter_that_cannot_be_read_is_refused_and_named(run: Run) -> None:
    for term, named in {"valid": "'valid'", "no_such=1": "no_such", "starttime__gte=soon": "starttime"}.items():
        done = run("atdb", "list", term)
        assert (done.returncode, done.stdout) == (2, "")
        assert named in done.stderr


def test_the_message_about_a_wrong_command_lists_the_names_of_all(run: Run) -> None:
    done = run("atdb", "changes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'changes' (choose from 'list', 'show'," in done.stderr
    assert "'move', 'hold', 'resume', 'cancel'" in done.stderr
    assert "<" not in done.stderr


def test_a_filter_can_be_split_and_its_values_can_have_commas(run: Run, observe: Observe) -> None:
    comma, other, _ = observe(field_name="M31, north"), observe(field_name="b"), observe(field_name="M31")
    for terms in ([r"field_name__in=M31\, north,b"], [r"field_name__in=M31\, north", "field_name__in=b"]):
        shown = run("atdb", "list", *terms, user="viewer").stdout
        assert [line.split()[0] for line in shown.splitlines()] == [other.taskID, comma.taskID]
    done = run("atdb", "list", "field_name=a", "field_name=b", user="viewer")
    assert (done.returncode, done.stdout) == (2, "")
    assert "twice" in done.stderr


def test_what_an_earlier_version_has_stored_controls_no_terminal(run: Run, app: Flask, observe: Observe) -> None:
    made = observe(products=1)
    with app.extensions["atdb_engine"].begin() as connection:
        stored = {"text": f"x{CONTROLS}y"}
        connection.execute(sql("update observations set name = :text, par_file_name = :text"), stored)
        connection.execute(sql("update dataproducts set filename = :text"), stored)
    for words in (["list"], ["show", made.taskID]):
        shown = run("atdb", *words, user="viewer")
        assert shown.returncode == 0
        assert r"x\x1b[2J\x85\u2028\u202e\x9by" in shown.stdout
        assert not set(shown.stdout) & {*CONTROLS.replace("[2J", "")}
    refused = run("atdb", "list", f"{CONTROLS}=1", user="viewer")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert not set(refused.stderr) & {*CONTROLS.replace("[2J", "")}


def test_show_prints_all_fields_and_products(run: Run, observe: Observe) -> None:
    made = observe(products=2, field_ra=24.5, options={"process_triggers": True})
    shown = run("atdb", "show", made.taskID).stdout
    for text in (made.taskID, "24.5", "process_triggers", f"{made.taskID}_0.fits", f"{made.taskID}_1.fits"):
        assert text in shown
    missing = run("atdb", "show", "990101001")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "990101001" in missing.stderr


def test_a_move_is_in_the_history_with_its_account_and_reason(run: Run, client: Client, observe: Observe) -> None:
    task_id = observe(Status.INGEST_ERROR).taskID
    assert run("atdb", "move", task_id, "valid", "--reason", "disk is back", user="operator").returncode == 0
    assert client.observation(task_id).my_status is Status.VALID
    last = run("atdb", "history", task_id).stdout.splitlines()[-1]
    assert "valid" in last
    assert "operator" in last
    assert last.endswith("disk is back")


def test_a_refused_move_says_what_is_allowed_and_changes_nothing(
    run: Run, client: Client, observe: Observe
) -> None:
    made = observe(Status.COMPLETING)
    done = run("atdb", "move", made.taskID, "removed", user="operator")
    assert (done.returncode, done.stdout) == (2, "")
    assert "completing" in done.stderr
    assert "checking" in done.stderr
    assert run("atdb", "move", made.taskID, "no such status").returncode == 2
    assert client.observation(made.taskID) == made


def test_actions_are_done_and_a_refusal_does_not_stop_the_others(
    run: Run, client: Client, observe: Observe
) -> None:
    waits, ended, also = observe(Status.VALID), observe(Status.REMOVED), observe(Status.DEFINED)
    done = run("atdb", "hold", waits.taskID, ended.taskID, also.taskID, "--reason", "rain", user="operator")
    assert done.returncode == 2
    assert f"Cannot hold {ended.taskID} because it is removed" in done.stderr
    assert [client.observation(made.taskID).my_status for made in (waits, ended, also)] == [
        "on hold", "removed", "on hold",
    ]  # fmt: skip
    assert client.observation(also.taskID).status_history[-1].reason == "rain"
    assert run("atdb", "resume", waits.taskID, also.taskID).returncode == 0
    assert client.observation(waits.taskID).my_status is Status.VALID
    assert run("atdb", "cancel", waits.taskID).returncode == 0
    assert client.observation(waits.taskID).my_status is Status.ABORTED


def test_an_astronomer_changes_and_withdraws_an_own_observation_and_is_refused_clearly(
    run: Run, client: Client, observe: Observe, of_astronomer: Observation
) -> None:
    own, of_another = of_astronomer.taskID, observe().taskID
    done = run("atdb", "hold", own, "--reason", "rain", user="astronomer")
    assert done.returncode == 2
    assert "This requires the role operator or admin; astronomer has astronomer." in done.stderr
    done = run("atdb", "cancel", of_another, "--reason", "rain", user="astronomer")
    assert done.returncode == 2
    assert f"Observation {of_another} belongs to admin, so astronomer cannot change it." in done.stderr
    assert run("atdb", "priority", "3", of_another, user="astronomer").returncode == 2
    assert run("atdb", "priority", "3", own, user="astronomer").returncode == 0
    assert client.observation(own).priority == 3
    assert run("atdb", "cancel", own, "--reason", "wrong field", user="astronomer").returncode == 0
    assert client.observation(own).my_status is Status.ABORTED


def test_retry_ingest_and_priority_do_what_they_say(run: Run, client: Client, observe: Observe) -> None:
    failed, kept = observe(Status.REMOVE_ERROR), observe(Status.COMPLETED)
    assert run("atdb", "retry", failed.taskID).returncode == 0
    assert run("atdb", "ingest", kept.taskID, "--reason", "wanted after all").returncode == 0
    assert run("atdb", "priority", "7", kept.taskID).returncode == 0
    assert client.observation(failed.taskID).my_status is Status.ARCHIVED
    observation = client.observation(kept.taskID)
    assert (observation.my_status, observation.priority) == ("valid", 7)


def test_a_stage_is_paused_and_resumed(run: Run, client: Client) -> None:
    done = run("atdb", "stage", "ingest", "--pause", "--slots", "3", "--reason", "new disks", user="operator")
    assert (done.returncode, done.stdout) == (0, "ingest: paused, slots 3, delay 0 s\n")
    shown = run("atdb", "stages", user="viewer").stdout
    assert "paused by operator since" in shown
    assert "new disks" in shown
    done = run("atdb", "stage", "ingest", "--go-on", "--slots", "0", user="operator")
    assert done.stdout == "ingest: not paused, slots unlimited, delay 0 s\n"
    assert run("atdb", "stage", "ingest", user="operator").returncode == 2
    assert run("atdb", "stage", "ingest", "--pause", user="viewer").returncode == 2
    assert not any(stage.paused for stage in client.stages())


def test_an_operator_switches_deletion_off_and_on(run: Run, client: Client) -> None:
    assert run("atdb", "deletion", user="viewer").stdout == "deletion: on\n"
    done = run("atdb", "deletion", "off", user="operator")
    assert (done.returncode, done.stdout) == (2, "")
    assert "reason" in done.stderr
    done = run("atdb", "deletion", "off", "--reason", "silent errors\r\nof a disk", user="operator")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("deletion: off, by operator since ")
    assert done.stdout.endswith(": silent errors  of a disk\n")
    assert run("atdb", "deletion", user="viewer").stdout == done.stdout
    assert "silent errors" in done.stdout
    assert run("atdb", "deletion", "on", user="pipeline").returncode == 2
    assert not client.deletion().allowed
    done = run("atdb", "deletion", "on", "--reason", "repaired", user="operator")
    assert (done.returncode, done.stdout) == (0, "deletion: on\n")
    assert client.deletion().allowed
    assert list(client.changes())[-1].reason == "repaired"


@pytest.mark.parametrize("options", [["--resume", "--delay=60"], ["--go-on", "--rest=60"]], ids=["new", "old"])
def test_the_old_names_of_options_still_work(run: Run, options: list[str]) -> None:
    done = run("atdb", "stage", "remove", *options, user="operator")
    assert done.stdout == "remove: not paused, slots unlimited, delay 60 s\n"


def test_why_says_it_in_one_sentence(run: Run, observe: Observe) -> None:
    made = observe(Status.VALID)
    run("atdb", "hold", made.taskID, "--reason", "thunderstorm", user="operator")
    done = run("atdb", "why", made.taskID, user="viewer")
    assert done.stdout.startswith(f"{made.taskID} on hold: ")
    assert "thunderstorm" in done.stdout


def test_events_and_receipts_are_listed(run: Run, client: Client, observe: Observe) -> None:
    client.raise_events([NewEvent(key="1", kind=EventKind.BRAKE, detail="12 of 100 disagree")])
    assert run("atdb", "events", "kind=brake").stdout.rstrip().endswith("12 of 100 disagree")
    assert run("atdb", "events", "kind=overdue").stdout == ""
    made = observe(Status.ARCHIVED, products=1)
    (product,) = client.dataproducts(taskID=made.taskID)
    client.force_removal(product.id, "empty")
    client.move(made.taskID, Status.REMOVING, owner="remove/run 1")
    move_all(client, made.taskID, ProductStatus.REMOVED, owner="remove/run 1")
    assert run("atdb", "receipts", made.taskID).stdout.rstrip().endswith("forced by admin: empty")


def test_a_schedule_is_submitted_in_its_order(run: Run, client: Client, real_schedules: Path) -> None:
    done = run("atdb", "submit", str(real_schedules / "ARTS_SC1_20190530_SC1.sh"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == client.count_observations() == 14
    assert client.count_observations(skip_auto_ingest="true") == 3


def test_a_schedule_with_one_bad_line_submits_nothing(run: Run, client: Client, tmp_path: Path) -> None:
    command = (
        "atdb_service --operation=specification --observing_mode=imaging --duration=9 --field_ra=1 --field_dec=2"
    )
    scans = (("3C48", "2019-04-08T06:00"), ("3C147", "2019-04-08T07:00"), ("3C286", "2019-04-08"))
    lines = [f"{command} --field_name={field} --starttime={start}" for field, start in scans]
    schedule = tmp_path / "schedule.sh"
    schedule.write_text("\n".join(lines))
    done = run("atdb", "submit", str(schedule))
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 3: --starttime" in done.stderr
    assert client.count_observations() == 0


def test_report_shows_the_newest_night_or_the_one_that_is_asked_for(run: Run, client: Client) -> None:
    none = run("atdb", "report", user="viewer")
    assert (none.returncode, none.stdout) == (2, "")
    assert "no night report has been stored" in none.stderr
    client.store_night_report(night_reports.busy())
    client.store_night_report(night_reports.empty(night_reports.NIGHT.replace(day=6)))
    newest = run("atdb", "report", user="viewer").stdout.splitlines()
    assert newest[0].startswith("night of 2026-04-06: ")
    assert "failures  0" in newest
    busy = run("atdb", "report", "2026-04-05", user="viewer")
    assert (busy.returncode, busy.stderr) == (0, "")
    assert "observed  45, 4,688.0 GB" in busy.stdout
    assert "260405015  ingest error (unresolved)  ArchiveError: WSRTA260405015_B000.MS" in busy.stdout
    assert "260405011  ingest error (now archived)" in busy.stdout
    assert "51 scheduled, 1 running" in busy.stdout
    assert "wcudata1: 5,200.0 GB validated, 4,600.0 GB archived, 9,100.0 GB removed" in busy.stdout
    assert "arts001: 2,200.0 GB free, full on 2026-04-07T20:00:00Z" in busy.stdout
    for night in ("2026-04-04", "yesterday", "../observations"):
        missing = run("atdb", "report", night)
        assert (missing.returncode, missing.stdout) == (2, "")
        assert night in missing.stderr


def test_what_strangers_wrote_in_a_report_controls_no_terminal(run: Run, client: Client) -> None:
    client.store_night_report(night_reports.terrible())
    shown = run("atdb", "report").stdout
    assert "and 70 more" in shown
    assert r"\x1b[31m" in shown
    assert not set(shown) & set("\x00\x07\x1b\u202e\u2066\u2028")
