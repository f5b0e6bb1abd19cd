"""The note on a run says what the run is for, why it failed, and how the failure was fixed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.lifecycle import Status
from atdb_interface.transitions import Transition
from atdb_plugins import run_notes
from atdb_plugins.airflow_api import LONGEST_NOTE, AsyncAirflowClient
from atdb_plugins.run_notes import MARK, NoteKeeper, _plain, outcome_of, with_outcome
from tests.airflow_serving import Airflow
from tests.plugins.conftest import Observe, Speaking

pytestmark = pytest.mark.timeout(600)
OWNER = "ingest/190405034-ingest-1"


def step(name: Status, **fields: Any) -> Transition:
    values = {"previous": None, "owner": None, "actor": "airflow", "reason": "", "forced": False} | fields
    when = datetime(2026, 4, 5, 6, tzinfo=UTC)
    return Transition(id=1, taskID="190405034", dataproduct=None, name=name, timestamp=when, **values)


FAILED = step(Status.INGEST_ERROR, owner=OWNER, reason="ArchiveError: a *link*\n on the way")
SAID = r"**ATDB:** Failed with ingest error at 2026-04-05T06:00:00Z: ArchiveError: a \*link\* on the way"


def test_the_outcome_is_taken_from_the_history_of_the_observation() -> None:
    begun = step(Status.INGESTING, owner=OWNER)
    assert outcome_of(OWNER, [begun], has_failed=False) == ""
    assert outcome_of(OWNER, [begun, FAILED], has_failed=True) == SAID
    fix = step(Status.VALID, actor="ada", reason="disk replaced")
    assert outcome_of(OWNER, [begun, FAILED, fix, begun], has_failed=True) == (
        f"{MARK}Fixed at 2026-04-05T06:00:00Z: ada moved the observation to valid: disk replaced\n\n{SAID}"
    )
    held = step(Status.ON_HOLD, actor="ada", reason="storm")
    then = "2026-04-05T06:00:00Z: ada moved the observation to on hold: storm"
    assert outcome_of(OWNER, [begun, FAILED, held], has_failed=True) == f"{MARK}Then at {then}\n\n{SAID}"
    back = step(Status.INGEST_ERROR, actor="ada")
    assert outcome_of(OWNER, [begun, FAILED, held, back, fix], has_failed=True).startswith(f"{MARK}Fixed at ")
    cancelled = step(Status.INGEST_ERROR, actor="ada", reason="wrong field")
    assert outcome_of(OWNER, [begun, cancelled], has_failed=False) == (
        f"{MARK}Stopped by ada, with ingest error, at 2026-04-05T06:00:00Z: wrong field"
    )
    of_another = step(Status.INGEST_ERROR, owner="ingest/190405034-ingest-2")
    assert outcome_of(OWNER, [begun, of_another], has_failed=False) == ""
    assert "before it recorded a result" in outcome_of(OWNER, [begun], has_failed=True)


AT = "at 2026-04-05T06:00:00Z"


def test_what_others_have_written_stays_and_only_the_outcome_is_replaced() -> None:
    note = with_outcome("3C48 · imaging", f"{MARK}Failed with ingest error {AT}: one")
    assert note == f"3C48 · imaging\n\n{MARK}Failed with ingest error {AT}: one"
    by_hand = "Then I called: ticket 4711\n\nFailed disk is in slot 7, do not pull slot 8!\n\nFixed tomorrow"
    outcome = f"{MARK}Fixed {AT}: x\n\n{MARK}Failed with ingest error {AT}: two"
    assert with_outcome(f"{note}\n\n{by_hand}", outcome) == f"3C48 · imaging\n\n{by_hand}\n\n{outcome}"
    assert with_outcome(f"{note}\n\n{by_hand}\n\n{outcome}", "") == f"3C48 · imaging\n\n{by_hand}"
    for ours in (f"{MARK}Worded in another way.", f"{MARK}…", outcome_of(OWNER, [], has_failed=True)):
        assert with_outcome(f"3C48\n\n{ours}", "") == "3C48"


@pytest.mark.parametrize(
    "former",
    [
        f"Failed with ingest error {AT}: one",
        f"Failed with error (no completing) {AT}",
        f"Fixed {AT}: ada moved the observation to valid",
        f"Then {AT}: ada moved the observation to on hold: storm",
        f"Stopped by ada, with ingest error, {AT}: three",
        "Failed: the run ended before it recorded a result. See the log of its task.",
    ],
)
def test_the_paragraphs_of_an_earlier_version_are_replaced(former: str) -> None:
    outcome = f"{MARK}Fixed {AT}: x"
    assert with_outcome(f"3C48\n\n{former}\n\nby hand", outcome) == f"3C48\n\nby hand\n\n{outcome}"


@pytest.mark.parametrize("length", [4, 500, *range(900, LONGEST_NOTE + 1)])
def test_a_long_note_is_cut_and_known_again(length: int) -> None:
    by_hand = "x" * length
    outcome = f"{MARK}Fixed {AT}: x\n\n{MARK}Failed with ingest error {AT}: {'y' * 4000}"
    long = with_outcome(by_hand, outcome)
    assert long.startswith(by_hand)
    assert len(long) <= LONGEST_NOTE
    assert with_outcome(long, outcome) == long
    assert with_outcome(long, "") == by_hand
    assert length > 500 or long.endswith("y…")


def test_a_name_is_shown_as_it_is() -> None:
    name = "# Heading __bold__ ~~s~~ <b>x</b> |"
    escaped = r"\# Heading \_\_bold\_\_ \~\~s\~\~ \<b\>x\</b\> \|"
    assert _plain(name) == escaped
    assert [_plain(each) for each in ("- a-b", "1. a", "12) a", "3C48")] == [
        r"\- a-b",
        r"1\. a",
        r"12\) a",
        "3C48",
    ]


def test_a_run_that_fails_and_is_fixed_from_atdb_says_so(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    run_id = f"{made.taskID}-ingest-1"
    content = {"logical_date": None, "dag_run_id": run_id, "partition_key": made.taskID, "note": "3C48 · imaging"}
    airflow.http.post("dags/ingest/dagRuns", json=content).raise_for_status()

    async def keep(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        keeper = NoteKeeper(atdb, runs)
        await keeper.step()
        client.move(made.taskID, Status.INGESTING, owner=f"ingest/{run_id}")
        client.move(made.taskID, Status.INGEST_ERROR, owner=f"ingest/{run_id}", reason="the archive is full")
        airflow.mark("ingest", run_id, "failed")
        await keeper.step()
        assert airflow.note("ingest", run_id).startswith(f"3C48 · imaging\n\n{MARK}Failed with ingest error at ")
        assert airflow.note("ingest", run_id).endswith("Z: the archive is full")
        client.act(made.taskID, Action.RETRY, reason="more disks")
        await keeper.step()

    speaking.run(keep)
    fixed, failed = airflow.note("ingest", run_id).split("\n\n")[1:]
    assert fixed.endswith("admin moved the observation to valid: more disks")
    assert failed.endswith("the archive is full")
    before = airflow.note("ingest", run_id)

    async def again(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        await NoteKeeper(atdb, runs).step()  # as after a restart

    speaking.run(again)
    assert airflow.note("ingest", run_id) == before


def test_notes_continue_after_a_jump_of_the_clock_to_an_earlier_time(
    client: Client, observed: Observe, airflow: Airflow, speaking: Speaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_notes, "LOOK_AT_RUNS_SECONDS", 0)
    reports, silent = observed(Status.VALID), observed(Status.VALID)
    run_id, silent_run_id = (airflow.run("ingest", made.taskID) for made in (reports, silent))

    async def keep(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        keeper = NoteKeeper(atdb, runs)
        await keeper.step()
        keeper._since = keeper._runs_since = keeper._next_look_at_runs = datetime.now(UTC) + timedelta(hours=1)
        client.move(reports.taskID, Status.INGESTING, owner=f"ingest/{run_id}")
        client.move(reports.taskID, Status.INGEST_ERROR, owner=f"ingest/{run_id}", reason="the archive is full")
        airflow.mark("ingest", silent_run_id, "failed")
        await keeper.step()
        await keeper.step()

    speaking.run(keep)
    assert airflow.note("ingest", run_id).endswith("the archive is full")
    assert "before it recorded a result" in airflow.note("ingest", silent_run_id)


def test_the_note_shows_that_a_run_failed_without_a_report_to_atdb(
    observed: Observe, airflow: Airflow, speaking: Speaking
) -> None:
    made = observed(Status.VALID)
    run_id = airflow.run("ingest", made.taskID, state="failed")

    async def keep(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        await NoteKeeper(atdb, runs).step()

    speaking.run(keep)
    assert airflow.note("ingest", run_id) == (
        f"{MARK}The run failed before it recorded a result. See the log of its task."
    )
