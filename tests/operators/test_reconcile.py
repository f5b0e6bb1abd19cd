"""Reconcile repairs lost work, with the state of the telescope; its safety limit stops it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface import reasons
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.instruments.apertif.modes import IMAGING_COMPLETES_AFTER
from atdb_interface.lifecycle import COMPLETING_TIMEOUT, MAX_LOST_OWNERS, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import Reason, has_code
from operators.reconcile.compare_runs import CompareRunsOperator
from operators.reconcile.safety_limit import SafetyLimit
from operators.reconcile.telescope_repairs import AFTER_OBSERVE, ON_ITS_WAY, UNREACHABLE
from standalone.simulator.observing import Telescope
from standalone.simulator.settings import Settings
from standalone.simulator.task_memory import TaskMemory, TaskState
from standalone.simulator.web import create_app
from tests.conftest import SECRETS, free_ports, listening
from tests.operators.contexts import Context
from tests.operators.telescopes import task_of, use_telescope

Observe = Callable[..., Observation]
Remember = Callable[..., None]
BRAKE = {"brake_percent": 1.0, "brake_floor": 10}
HOUR = timedelta(hours=1)


@pytest.fixture
def logbook(url: str, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskMemory]:
    """The memory of the telescope that the connection names, which does nothing on its own."""
    settings = Settings(
        port=0,
        speedup=1,
        product_bytes=1000,
        data_root=tmp_path,
        state=tmp_path / "telescope",
        atdb_url=url,
        atdb_user="telescope",
        atdb_secret=SECRETS["telescope"],
    )
    kept = TaskMemory(settings.state)
    with listening(create_app(Telescope(settings, kept), kept)) as port:
        use_telescope(monkeypatch, port)
        yield kept


@pytest.fixture
def knows(logbook: TaskMemory) -> Remember:
    def remember(made: Observation, state: TaskState, problem: str = "") -> None:
        logbook.save(task_of(made, state, problem))

    return remember


@pytest.fixture
def starting(client: Client, observe: Observe) -> Callable[[float], Observation]:
    """Create an observation with a start some seconds from now, whose run was lost while it sent the parset."""

    def make(seconds: float) -> Observation:
        start = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        made = observe(Status.SCHEDULED, starttime=start, field_name=f"in {seconds} s")
        client.move(made.taskID, Status.STARTING, owner="observe/run 1", lease_seconds=1)
        return client.observation(made.taskID)

    return make


def compare(client: Client, at: datetime | None = None) -> None:
    CompareRunsOperator(task_id="compare_runs").compare(client, SafetyLimit(1, 10), at or datetime.now(UTC))


def last(client: Client, made: Observation) -> tuple[str, str]:
    step = client.observation(made.taskID).status_history[-1]
    return step.name, step.reason


def in_a_while() -> datetime:
    """Return a moment when leases of one second have expired, and no parset can still be in transit."""
    return datetime.now(UTC) + ON_ITS_WAY + timedelta(seconds=5)


def test_work_that_too_many_have_lost_is_given_up(
    client: Client, observe: Observe, context: Context, logbook: TaskMemory
) -> None:
    often, once = observe(Status.VALID), observe(Status.VALID)
    client.move(once.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=1)
    for number in range(MAX_LOST_OWNERS + 1):
        client.move(often.taskID, Status.INGESTING, owner=f"ingest/run {number}", lease_seconds=1)
        time.sleep(1.05)
    time.sleep(0.95)  # the API has the end of a lease in whole seconds
    CompareRunsOperator(task_id="compare_runs").execute(context("", "reconcile") | {"params": BRAKE})
    words = (
        f"LeaseExpired: The lease of ingest/run {MAX_LOST_OWNERS} has expired. This work has been lost "
        f"{MAX_LOST_OWNERS + 1} times, so no other run takes it. Fix the cause, then retry."
    )
    assert last(client, often) == ("ingest error", words)
    assert client.observation(once.taskID).my_status is Status.INGESTING
    (event,) = client.events()
    assert (event.kind, event.taskID) == (EventKind.REPAIR, often.taskID)
    assert words in event.detail


@pytest.mark.parametrize("state", [TaskState.ACCEPTED, TaskState.OBSERVING, TaskState.FINISHED])
def test_a_lost_start_that_the_telescope_has_runs_when_its_start_has_come(
    client: Client, starting: Callable[[float], Observation], knows: Remember, state: TaskState
) -> None:
    soon, now = starting(600), starting(-20)
    for made in (soon, now):
        knows(made, state)
    compare(client, in_a_while())
    assert last(client, now) == (
        "running",
        f"TelescopeHasIt: The lease of observe/run 1 has expired. The telescope has it as {state}.",
    )
    assert client.observation(soon.taskID).my_status is Status.STARTING


def test_a_lost_start_that_the_telescope_has_not_is_an_error(
    client: Client, starting: Callable[[float], Observation], knows: Remember
) -> None:
    failed, unknown = starting(-20), starting(-10)
    knows(failed, TaskState.FAILED, problem="no beam")
    compare(client, in_a_while())
    for made, code, quotation in (
        (failed, ReasonCode.TELESCOPE_FAILED, "failed: no beam"),
        (unknown, ReasonCode.START_INTERRUPTED, ""),
    ):
        status, reason = last(client, made)
        assert (status, reasons.read(reason)) == ("error (start obs)", Reason(code, quotation=quotation))
        assert "The lease of observe/run 1 has expired." in reason


def test_while_a_parset_may_be_on_its_way_a_lost_start_is_left(
    client: Client, starting: Callable[[float], Observation], logbook: TaskMemory
) -> None:
    made = starting(-20)
    compare(client, datetime.now(UTC) + timedelta(seconds=10))
    assert client.observation(made.taskID).my_status is Status.STARTING


def test_a_telescope_that_cannot_be_reached_is_waited_for(
    client: Client, starting: Callable[[float], Observation], context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = starting(-20)
    use_telescope(monkeypatch, free_ports(1)[0])
    ends = next(client.leases()).expires_at + UNREACHABLE
    compare(client, ends - timedelta(seconds=1))
    assert client.observation(made.taskID).my_status is Status.STARTING
    compare(client, ends)
    status, reason = last(client, made)
    assert status == "error (start obs)"
    assert reason.startswith("TelescopeUnreachable: The lease of observe/run 1 has expired. The telescope did not")


def test_a_start_whose_owner_holds_its_lease_is_its_own(
    client: Client, observe: Observe, logbook: TaskMemory
) -> None:
    made = observe(Status.SCHEDULED)
    client.move(made.taskID, Status.STARTING, owner="observe/run 1", lease_seconds=600)
    compare(client, in_a_while())
    assert client.observation(made.taskID).my_status is Status.STARTING


@pytest.mark.parametrize(
    ("mode", "limit", "becomes"),
    [
        ("imaging", IMAGING_COMPLETES_AFTER, Status.COMPLETING),
        ("arts_sc4_survey", COMPLETING_TIMEOUT, Status.ERROR_NO_COMPLETING),
    ],
)
def test_an_observation_without_a_run_is_ended(
    client: Client, observe: Observe, logbook: TaskMemory, mode: str, limit: timedelta, becomes: Status
) -> None:
    began = datetime.now(UTC)
    soon = (began + timedelta(minutes=1)).isoformat()
    ended = observe(Status.RUNNING, observing_mode=mode, starttime=began.isoformat(), duration=1)
    still = observe(Status.RUNNING, observing_mode=mode, field_name="still", starttime=soon, duration=90_000)
    due = began + limit + AFTER_OBSERVE
    compare(client, due - timedelta(seconds=5))
    assert client.observation(ended.taskID).my_status is Status.RUNNING
    compare(client, due + timedelta(seconds=10))
    status, reason = last(client, ended)
    assert status == becomes
    assert "The observation has ended, but the data writer has not reported" in reason
    assert has_code(reason, ReasonCode.DATA_WRITER_SILENT) == (becomes is Status.ERROR_NO_COMPLETING)
    assert client.observation(still.taskID).my_status is Status.RUNNING


def test_past_its_end_an_observation_ends_as_the_telescope_says(
    client: Client, observe: Observe, knows: Remember
) -> None:
    began = datetime.now(UTC)
    failed, late = (
        observe(Status.RUNNING, starttime=began.isoformat(), field_name=name, duration=1) for name in "ab"
    )
    knows(failed, TaskState.FAILED, problem="the disk is full")
    knows(late, TaskState.OBSERVING)
    compare(client, began + IMAGING_COMPLETES_AFTER + AFTER_OBSERVE + timedelta(seconds=10))
    status, reason = last(client, failed)
    assert status == "error (no completing)"
    assert reasons.read(reason) == Reason(ReasonCode.TELESCOPE_FAILED, quotation="failed: the disk is full")
    assert client.observation(late.taskID).my_status is Status.RUNNING


def test_the_telescope_is_stopped_if_it_still_observes_a_cancelled_observation(
    client: Client, observe: Observe, logbook: TaskMemory, knows: Remember
) -> None:
    start = datetime.now(UTC).isoformat()
    cancelled, goes_on, over, never_started = (
        observe(status, starttime=start, field_name=f"{number}")
        for number, status in enumerate((Status.RUNNING, Status.RUNNING, Status.RUNNING, Status.SCHEDULED))
    )
    for made, state in (
        (cancelled, TaskState.OBSERVING),
        (goes_on, TaskState.OBSERVING),
        (over, TaskState.FINISHED),
    ):
        knows(made, state)
    for made in (cancelled, over, never_started):
        client.act(made.taskID, Action.CANCEL)
    for _ in range(2):
        compare(client)
    known = {task.task_id: task.state for task in logbook.tasks()}
    assert known == {
        cancelled.taskID: TaskState.STOPPED,
        goes_on.taskID: TaskState.OBSERVING,
        over.taskID: TaskState.FINISHED,
    }
    assert [(event.kind, event.taskID) for event in client.events()] == [(EventKind.REPAIR, cancelled.taskID)]


def test_a_telescope_that_does_not_answer_stands_in_the_way_of_nothing_else(
    client: Client, observe: Observe, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_telescope(monkeypatch, free_ports(1)[0])
    start = datetime.now(UTC)
    cancelled, ended = (
        observe(Status.RUNNING, starttime=start.isoformat(), field_name=name, duration=1) for name in "ab"
    )
    client.act(cancelled.taskID, Action.CANCEL)
    compare(client, start + IMAGING_COMPLETES_AFTER + AFTER_OBSERVE + timedelta(seconds=10))
    assert client.observation(ended.taskID).my_status is Status.COMPLETING


def test_where_nothing_is_lost_reconcile_changes_nothing(
    client: Client, observe: Observe, logbook: TaskMemory
) -> None:
    made = [observe(status, products=1) for status in (Status.DEFINED, Status.CHECKING, Status.INGEST_ERROR)]
    products = list(client.dataproducts())
    compare(client)
    for before in made:
        assert client.observation(before.taskID) == before
    assert client.count_observations() == 3
    assert list(client.dataproducts()) == products
    assert list(client.events()) == []


def test_where_too_much_is_wrong_at_once_nothing_is_repaired_until_a_person_says_so(
    client: Client, observe: Observe, context: Context, logbook: TaskMemory
) -> None:
    start = datetime.now(UTC) - 2 * HOUR
    for number in range(10):
        made = observe(Status.SCHEDULED, starttime=start.isoformat(), field_name=f"field {number}")
        client.move(made.taskID, Status.STARTING, owner="observe/run 1", lease_seconds=1)
    operator = CompareRunsOperator(task_id="compare_runs")
    for _ in range(2):
        with pytest.raises(
            AirflowFailException, match=r"compare_runs stopped itself .*: 10 findings among 10 obs"
        ):
            operator.compare(client, SafetyLimit(1, 10), in_a_while())
    assert client.count_observations(my_status=Status.STARTING) == 10
    (event,) = client.events()
    assert event.kind is EventKind.BRAKE
    assert "and the telescope does not have it" in event.detail
    operator.compare(client, SafetyLimit(100, 10), in_a_while())
    assert client.count_observations(my_status=Status.ERROR_START_OBS) == 10
    assert client.count_observations(my_status=Status.STARTING) == 0


@pytest.mark.parametrize(
    ("percent", "findings", "looked_at", "trips"),
    [
        (1, 9, 9, False),
        (1, 10, 10, True),
        (1, 10, 1000, False),
        (1, 11, 1000, True),
        (2.5, 25, 1000, False),
        (100, 5000, 500, False),
        (0, 10, 10_000, True),
    ],
)
def test_the_safety_limit_is_exceeded_above_its_percentage_but_never_below_its_floor(
    percent: float, findings: int, looked_at: int, trips: bool
) -> None:
    assert SafetyLimit(percent, 10).is_exceeded(findings, looked_at) is trips
