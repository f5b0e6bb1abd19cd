"""The command `atdb`, run as operators run it."""

from collections.abc import Callable
from pathlib import Path

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.models import Observation
from tests.interface.conftest import Run

Observe = Callable[..., Observation]


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


def test_show_tells_all_fields_and_products(run: Run, observe: Observe) -> None:
    made = observe(products=2, field_ra=24.5, options={"process_triggers": True})
    shown = run("atdb", "show", made.taskID).stdout
    for text in (made.taskID, "24.5", "process_triggers", f"{made.taskID}_0.fits", f"{made.taskID}_1.fits"):
        assert text in shown
    missing = run("atdb", "show", "990101001")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "990101001" in missing.stderr


def test_a_move_is_told_in_the_history_with_who_and_why(run: Run, client: Client, observe: Observe) -> None:
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


def test_a_schedule_is_submitted_in_its_order(run: Run, client: Client, real_schedules: Path) -> None:
    done = run("atdb", "submit", str(real_schedules / "ARTS_SC1_20190530_SC1.sh"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == client.count_observations() == 14
    assert client.count_observations(skip_auto_ingest="true") == 3


def test_a_schedule_with_one_bad_line_submits_nothing(run: Run, client: Client, tmp_path: Path) -> None:
    command = "atdb_service --operation=specification --observing_mode=imaging --duration=9"
    scans = (("3C48", "2019-04-08"), ("3C147", "2019-04-08"), ("3C286", "soon"))
    lines = [f"{command} --field_name={field} --starttime={start}" for field, start in scans]
    schedule = tmp_path / "schedule.sh"
    schedule.write_text("\n".join(lines))
    done = run("atdb", "submit", str(schedule))
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 3: --starttime" in done.stderr
    assert client.count_observations() == 0
