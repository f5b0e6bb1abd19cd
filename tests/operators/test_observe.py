"""The telescope is started in time and once, never again while its state is unknown; a cancel stops it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent
from flask import Flask
from sqlalchemy import text
from werkzeug.utils import import_string

from atdb_interface import lifecycle
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.instruments.apertif.modes import IMAGING_COMPLETES_AFTER
from atdb_interface.lifecycle import COMPLETING_TIMEOUT, OBSERVE, Actor, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from atdb_interface.times import STARTING_MARGIN_SECONDS
from atdb_plugins.completing_timeout import ending
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook, TelescopeState, TelescopeTask
from atdb_plugins.triggers.observation import (
    LOOK_SECONDS,
    ObservationCompletingTrigger,
    ObservationStartTrigger,
    ObservationTurnTrigger,
)
from operators.failures import NotDueYet
from operators.stages.base import enter
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from operators.stages.when_due import WhenDueOperator
from standalone.settings import HOST
from standalone.simulator.observing import Telescope
from standalone.simulator.settings import Settings
from standalone.simulator.task_memory import State, Task, TaskMemory
from standalone.simulator.web import create_app
from tests.advancing import advance
from tests.conftest import SECRETS, free_ports, listening
from tests.operators.conftest import Context
from tests.operators.triggering import fires

Observe = Callable[..., Observation]
#: A reason of earlier versions, which histories still have.
FORMER = "try {} sends the parset"


def use_telescope(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    connection = {"conn_type": "http", "host": f"http://{HOST}:{port}"}
    monkeypatch.setenv("AIRFLOW_CONN_TELESCOPE_DEFAULT", json.dumps(connection))


@pytest.fixture
def logbook(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskMemory]:
    """The memory of the simulator that the connection names."""
    settings = Settings(
        port=0,
        speedup=1,
        product_bytes=1000,
        data_root=tmp_path / "data",
        state=tmp_path / "telescope",
        atdb_url=url,
        atdb_user="service",
        atdb_secret=SECRETS["service"],
    )
    settings.data_root.mkdir()
    settings.state.mkdir()
    kept = TaskMemory(settings.state)
    telescope = Telescope(settings, kept)
    with listening(create_app(telescope, kept)) as port:
        use_telescope(monkeypatch, port)
        yield kept
        telescope.stop()


@pytest.fixture
def scheduled(observe: Observe) -> Callable[[float], Observation]:
    def make(seconds: float) -> Observation:
        start = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        return observe(Status.SCHEDULED, products=1, starttime=start)

    return make


def task_of(made: Observation, state: State = State.ACCEPTED, problem: str = "") -> Task:
    return Task(taskID=made.taskID, state=state, problem=problem, data_location=made.data_location, parset="")


def state(logbook: TaskMemory, made: Observation) -> State | None:
    known = logbook.find(made.taskID)
    return known.state if known else None


def last(client: Client, made: Observation) -> tuple[Status, str]:
    now = client.observation(made.taskID)
    return now.my_status, now.status_history[-1].reason


def test_the_telescope_gets_the_parset_and_the_observation_runs(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(30)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    known = logbook.find(made.taskID)
    assert known is not None
    assert f"{made.taskID}_0.fits" in known.parset
    assert last(client, made)[0] is Status.STARTING
    RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.RUNNING
    with pytest.raises(NotDueYet):
        CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.RUNNING


def test_while_the_telescope_is_busy_the_start_waits_in_the_triggerer(
    client: Client,
    scheduled: Callable[[float], Observation],
    running: Callable[[], Observation],
    context: Context,
    logbook: TaskMemory,
) -> None:
    running()
    made = scheduled(300)
    with pytest.raises(TaskDeferred) as deferred:
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert isinstance(deferred.value.trigger, ObservationTurnTrigger)
    assert (deferred.value.trigger.atdb_task_id, deferred.value.method_name) == (made.taskID, "execute_complete")
    assert logbook.find(made.taskID) is None
    assert last(client, made)[0] is Status.SCHEDULED


def test_past_its_start_an_observation_is_too_late_however_often_it_is_run(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(-90)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="after the start of the observation"):
            StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
        assert last(client, made)[0] is Status.ERROR_TOO_LATE
    assert logbook.find(made.taskID) is None
    assert len(client.observation(made.taskID).status_history) == 3


def test_a_telescope_that_refuses_is_an_error_with_its_reason(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(30)
    logbook.save(task_of(made))
    with pytest.raises(AirflowFailException, match="refused"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    status, reason = last(client, made)
    assert status is Status.ERROR_START_OBS
    assert "already" in reason


def test_a_value_that_no_parset_can_hold_is_an_error_and_nothing_is_sent(
    app: Flask,
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
) -> None:
    made = scheduled(30)
    with app.extensions["atdb_engine"].begin() as connection:  # as an earlier version has accepted it
        connection.execute(text("update dataproducts set filename = 'a,b.fits'"))
    with pytest.raises(AirflowFailException, match="comma"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert logbook.find(made.taskID) is None
    status, reason = last(client, made)
    assert status is Status.ERROR_START_OBS
    assert has_code(reason, ReasonCode.NO_COMMAND)


def test_a_telescope_that_is_silent_is_an_error_and_not_asked_again(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(30)
    asked = []
    with socket.create_server((HOST, 0)) as hangs_up:

        def serve() -> None:
            while True:
                try:
                    connection, _ = hangs_up.accept()
                except OSError:
                    return
                asked.append(connection.recv(10_000))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        use_telescope(monkeypatch, hangs_up.getsockname()[1])
        with pytest.raises(AirflowFailException, match="unknown"):
            StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert len(asked) == 1
    status, reason = last(client, made)
    assert status is Status.ERROR_START_OBS
    assert "unknown" in reason


@pytest.mark.parametrize("reason", ["SendsParset(1): Worded in another way.", FORMER.format(1)])
def test_an_interrupted_start_is_not_sent_again(
    client: Client,
    worker: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    reason: str,
) -> None:
    made = scheduled(30)
    enter(worker, OBSERVE, made.taskID, "observe/run 1", reason=reason)
    with pytest.raises(AirflowFailException, match="interrupted"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert logbook.find(made.taskID) is None
    assert last(client, made)[0] is Status.ERROR_START_OBS


@pytest.mark.parametrize("reason", ["SendsParset(2): Worded in another way.", FORMER.format(2)])
def test_the_attempt_that_the_transition_names_sends_the_parset_however_that_is_worded(
    worker: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory, reason: str
) -> None:
    made = scheduled(30)
    enter(worker, OBSERVE, made.taskID, "observe/run 1", reason=reason)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert state(logbook, made) is State.ACCEPTED


def test_a_run_continues_with_a_start_that_the_telescope_has_accepted(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(30)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=1))
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert last(client, made) == (Status.STARTING, "SendsParset(1): Attempt 1 sends the parset to the telescope.")


def test_another_run_does_not_start_what_one_is_starting(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(30)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    with pytest.raises(AirflowSkipException):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", run="run 2"))
    with pytest.raises(AirflowSkipException):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", run="run 2"))


def test_a_telescope_that_is_not_there_is_an_error(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(30)
    use_telescope(monkeypatch, free_ports(1)[0])
    with pytest.raises(AirflowFailException):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.ERROR_START_OBS


@pytest.fixture
def started(
    scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> Callable[[float], Observation]:
    """Start an observation at the telescope, as `run 1` of observe."""

    def make(seconds: float) -> Observation:
        made = scheduled(seconds)
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
        assert state(logbook, made) is State.ACCEPTED
        return made

    return make


@pytest.fixture
def running(started: Callable[[float], Observation], context: Context) -> Callable[[], Observation]:
    """Wait for the end of an observation, as `run 1` of observe."""

    def make() -> Observation:
        made = started(500)
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
        return made

    return make


@pytest.mark.parametrize(
    "operator", [StartObservationOperator, RunObservationOperator, CompleteObservationOperator]
)
def test_a_cancel_reaches_the_telescope_whichever_task_hears_of_it(
    client: Client,
    started: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    operator: Callable[..., RunObservationOperator],
) -> None:
    made = started(500)
    client.act(made.taskID, Action.CANCEL, reason="thunderstorm")
    with pytest.raises(AirflowSkipException, match="thunderstorm"):
        operator(task_id="it").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert state(logbook, made) is State.STOPPED
    assert last(client, made) == (Status.ABORTED, "thunderstorm")


@pytest.mark.parametrize("seconds", [580, 30, -20])
def test_the_lease_of_a_start_lasts_beyond_the_start(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    seconds: float,
) -> None:
    made = scheduled(seconds)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    (lease,) = client.leases(taskID=made.taskID)
    from_start = (lease.expires_at - max(made.starttime, datetime.now(UTC))).total_seconds()
    assert abs(from_start - STARTING_MARGIN_SECONDS) < 10
    assert STARTING_MARGIN_SECONDS >= 60  # the next task sets the status to running when the start has come


def after_it_has_read(
    monkeypatch: pytest.MonkeyPatch, operator: type[WhenDueOperator], happens: Callable[[str], object]
) -> None:
    """Call a function when the operator has read the observation and before it acts."""
    act = operator.act

    def late(self: WhenDueOperator, client: Client, observation: Observation, context: object) -> None:
        happens(observation.taskID)
        act(self, client, observation, context)

    monkeypatch.setattr(operator, "act", late)


@pytest.mark.parametrize("operator", [StartObservationOperator, RunObservationOperator])
def test_a_cancel_after_a_task_has_read_the_observation_reaches_the_telescope(
    client: Client,
    started: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
    operator: type[WhenDueOperator],
) -> None:
    made = started(500)
    after_it_has_read(monkeypatch, operator, lambda task_id: client.act(task_id, Action.CANCEL, reason="storm"))
    with pytest.raises(AirflowSkipException, match="storm"):
        operator(task_id="it").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert state(logbook, made) is State.STOPPED
    assert last(client, made) == (Status.ABORTED, "storm")


def test_a_cancel_while_the_parset_is_sent_reaches_the_telescope_with_the_next_task(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(500)
    send = TelescopeHook.start

    def late(self: TelescopeHook, task_id: str, parset: str) -> None:
        client.act(task_id, Action.CANCEL, reason="storm")
        send(self, task_id, parset)

    monkeypatch.setattr(TelescopeHook, "start", late)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is State.ACCEPTED
    with pytest.raises(AirflowSkipException, match="storm"):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is State.STOPPED


def test_a_telescope_that_refuses_what_was_cancelled_meanwhile_is_no_error(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(500)
    logbook.save(task_of(made))  # so it refuses to start it a second time
    send = TelescopeHook.start

    def late(self: TelescopeHook, task_id: str, parset: str) -> None:
        client.act(task_id, Action.CANCEL, reason="storm")
        send(self, task_id, parset)

    monkeypatch.setattr(TelescopeHook, "start", late)
    with pytest.raises(AirflowSkipException, match="storm"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert last(client, made) == (Status.ABORTED, "storm")
    assert state(logbook, made) is State.STOPPED


def test_an_observation_that_has_ended_in_an_error_meanwhile_is_not_set_to_running(
    client: Client,
    worker: Client,
    started: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = started(500)

    def ends(task_id: str) -> None:
        worker.move(task_id, Status.RUNNING, owner="observe/run 1")
        client.move(task_id, Status.ERROR_NO_COMPLETING, reason="a dish is stuck")

    after_it_has_read(monkeypatch, RunObservationOperator, ends)
    with pytest.raises(AirflowSkipException):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert last(client, made) == (Status.ERROR_NO_COMPLETING, "a dish is stuck")


@pytest.mark.parametrize("meanwhile", [Status.COMPLETING, Status.ABORTED])
def test_the_timeout_changes_nothing_that_has_ended_meanwhile(
    client: Client,
    running: Callable[[], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Status,
) -> None:
    made = running()
    logbook.save(task_of(made, State.FAILED, "a dish is stuck"))
    monkeypatch.setattr(lifecycle, "ASK_AFTER", made.starttime - made.endtime - timedelta(hours=1))
    after_it_has_read(
        monkeypatch,
        CompleteObservationOperator,
        lambda task_id: client.move(task_id, meanwhile, reason="it has ended"),
    )
    with pytest.raises(AirflowSkipException):
        CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe"))
    assert last(client, made) == (meanwhile, "it has ended")


def test_a_cancel_before_the_start_asks_nothing_of_the_telescope(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(30)
    client.act(made.taskID, Action.CANCEL)
    use_telescope(monkeypatch, free_ports(1)[0])
    with pytest.raises(AirflowSkipException):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))


def test_a_cancel_is_repeated_until_the_telescope_responds(
    client: Client,
    started: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = started(500)
    client.act(made.taskID, Action.CANCEL)
    with monkeypatch.context() as away:
        use_telescope(away, free_ports(1)[0])
        with pytest.raises(TelescopeError):
            RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", retries=2))
    with pytest.raises(AirflowSkipException):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert state(logbook, made) is State.STOPPED


@pytest.mark.parametrize("to", [Status.SCHEDULED, Status.ON_HOLD])
def test_what_is_forced_away_from_the_telescope_is_stopped_there(
    client: Client, started: Callable[[float], Observation], context: Context, logbook: TaskMemory, to: Status
) -> None:
    made = started(500)
    client.move(made.taskID, to, force=True, reason="not now")
    with pytest.raises(AirflowSkipException, match="not now"):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is State.STOPPED
    assert last(client, made)[0] is to


def test_what_another_run_has_started_meanwhile_is_not_stopped(
    client: Client, started: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = started(500)
    client.move(made.taskID, Status.SCHEDULED, force=True, reason="once more")
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", run="run 2"))
    with pytest.raises(AirflowSkipException):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is State.ACCEPTED
    RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", run="run 2"))
    assert last(client, made)[0] is Status.RUNNING


def test_a_paused_stage_leaves_the_observation_for_later(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(30)
    client.change_stage(Actor.OBSERVE, paused=True, reason="wind")
    with pytest.raises(AirflowSkipException, match="paused"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert (last(client, made)[0], state(logbook, made)) == (Status.SCHEDULED, None)
    client.change_stage(Actor.OBSERVE, paused=False)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", run="run 2"))
    assert last(client, made)[0] is Status.STARTING


# After an operator runs it again, each failed state has a true end.


def test_a_start_that_failed_is_made_again_once_for_each_time_that_a_person_asks(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(60)
    with monkeypatch.context() as away:
        use_telescope(away, free_ports(1)[0])
        with pytest.raises(AirflowFailException):
            StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    # Not automatically: an attempt that died while reporting the error to ATDB is not a clear.
    with pytest.raises(AirflowFailException, match="unknown"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2))
    assert last(client, made)[0] is Status.ERROR_START_OBS
    for operator in (RunObservationOperator, CompleteObservationOperator):
        with pytest.raises(AirflowFailException, match="unknown"):
            operator(task_id="it").execute(context(made.taskID, "observe", clears=1))
    assert (last(client, made)[0], state(logbook, made)) == (Status.ERROR_START_OBS, None)
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=3, clears=1))
    assert (last(client, made)[0], state(logbook, made)) == (Status.STARTING, State.ACCEPTED)


@pytest.mark.parametrize("words", ["run again in Airflow by ada", "RunCleared: Worded in another way."])
def test_a_clear_that_the_history_has_counts_however_it_is_worded(
    client: Client, worker: Client, started: Callable[[float], Observation], context: Context, words: str
) -> None:
    made = started(500)
    owner = "observe/run 1"
    worker.move(made.taskID, Status.ERROR_START_OBS, owner=owner, reason="an unknown cause")
    worker.move(made.taskID, Status.SCHEDULED, owner=owner, reason=words)
    worker.move(made.taskID, Status.STARTING, owner=owner)
    worker.move(made.taskID, Status.ERROR_START_OBS, owner=owner, reason="and again")
    with pytest.raises(AirflowFailException, match="and again"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, clears=1))
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=3, clears=2))
    assert last(client, made)[0] is Status.STARTING


def test_the_run_continues_with_an_observation_of_the_telescope_and_does_not_start_it_again(
    client: Client,
    worker: Client,
    started: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
) -> None:
    made = started(500)
    worker.move(made.taskID, Status.ERROR_START_OBS, owner="observe/run 1", reason="an unknown cause")
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, clears=1))
    assert last(client, made)[0] is Status.STARTING
    worker.move(made.taskID, Status.ERROR_START_OBS, owner="observe/run 1", reason="an unknown cause")
    logbook.save(task_of(made, State.FAILED, "a dish is stuck"))
    with pytest.raises(AirflowFailException, match="a dish is stuck"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", try_number=3, clears=2))
    assert last(client, made)[0] is Status.ERROR_START_OBS


def test_an_error_that_is_put_off_to_later_waits_for_its_new_time(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = scheduled(-90)
    with pytest.raises(AirflowFailException):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    start = datetime.now(UTC) + timedelta(days=3)
    end = start + timedelta(seconds=300)
    client.change_observation(made.id, starttime=start.isoformat(), endtime=end.isoformat())
    with pytest.raises(AirflowSkipException, match="scheduled again"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", clears=1))
    assert (last(client, made)[0], state(logbook, made)) == (Status.SCHEDULED, None)


def test_a_whole_run_that_ended_without_a_report_waits_for_the_report_again(
    client: Client, running: Callable[[], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = running()
    client.move(made.taskID, Status.ERROR_NO_COMPLETING, reason="it is long past")
    # If reconcile ends the observation while the run waits, the run fails too.
    with pytest.raises(AirflowFailException, match="long past"):
        CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe"))
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", clears=1))
    RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", clears=1))
    assert last(client, made)[0] is Status.ERROR_NO_COMPLETING
    with pytest.raises(NotDueYet):
        CompleteObservationOperator(task_id="complete").execute(
            context(made.taskID, "observe", clears=1, retries=2)
        )
    status, reason = last(client, made)
    assert status is Status.RUNNING
    assert has_code(reason, ReasonCode.RUN_CLEARED)
    client.move(made.taskID, Status.ERROR_NO_COMPLETING, reason="and again")
    with pytest.raises(AirflowFailException, match="and again"):
        CompleteObservationOperator(task_id="complete").execute(
            context(made.taskID, "observe", clears=1, try_number=2)
        )
    assert last(client, made)[0] is Status.ERROR_NO_COMPLETING


def test_a_run_of_what_is_past_changes_nothing(
    client: Client, running: Callable[[], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = running()
    advance(client, made.taskID, [Status.COMPLETING, Status.CHECKING, Status.VALID])
    for operator in (StartObservationOperator, RunObservationOperator):
        with pytest.raises(AirflowSkipException):
            operator(task_id="it").execute(context(made.taskID, "observe", clears=1))
    CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe", clears=1))
    assert last(client, made)[0] is Status.VALID


# After the timeout, the telescope is asked.

LONG = COMPLETING_TIMEOUT + timedelta(minutes=1)
SHORT = IMAGING_COMPLETES_AFTER + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("telescope_task", "waited", "becomes"),
    [
        (None, SHORT, Status.COMPLETING),
        (TelescopeTask(TelescopeState.FINISHED), SHORT, Status.COMPLETING),
        (TelescopeTask(TelescopeState.OBSERVING), SHORT, None),
        (TelescopeTask(TelescopeState.ACCEPTED), SHORT, None),
        (TelescopeTask(TelescopeState.OBSERVING), LONG, Status.ERROR_NO_COMPLETING),
        (TelescopeTask(TelescopeState.FAILED, "no disk"), SHORT, Status.ERROR_NO_COMPLETING),
        (TelescopeTask(TelescopeState.STOPPED), SHORT, Status.ERROR_NO_COMPLETING),
    ],
    ids=str,
)
def test_past_the_end_the_telescopes_word_counts(
    observe: Observe, telescope_task: TelescopeTask | None, waited: timedelta, becomes: Status | None
) -> None:
    made = observe(Status.RUNNING)
    since = max(made.endtime, made.status_history[-1].timestamp)
    end = ending(made, telescope_task, since + waited)
    assert (end and end[0]) == becomes
    if telescope_task and telescope_task.problem and end:
        assert telescope_task.problem in end[1]


def test_what_the_telescope_has_broken_off_is_an_error_with_its_problem(
    client: Client, observe: Observe, context: Context, logbook: TaskMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = observe(Status.RUNNING)
    logbook.save(task_of(made, State.FAILED, "a dish is stuck"))
    monkeypatch.setattr(lifecycle, "ASK_AFTER", timedelta())
    with pytest.raises(AirflowFailException, match="a dish is stuck"):
        CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe"))
    status, reason = last(client, made)
    assert status is Status.ERROR_NO_COMPLETING
    assert "a dish is stuck" in reason


# The triggers, run as by the triggerer.


def test_a_trigger_hears_of_a_cancel_in_seconds(
    client: Client, started: Callable[[float], Observation], running: Callable[[], Observation]
) -> None:
    for make, kind in ((lambda: started(600), ObservationStartTrigger), (running, ObservationCompletingTrigger)):
        made = make()  # one after the other, because the telescope observes one at a time
        arguments = (
            "atdb_default",
            made.taskID,
            *(["telescope_default"] * (kind is ObservationCompletingTrigger)),
        )
        assert fires(kind(*arguments), 1) is None
        cancel = threading.Timer(0.5, client.act, (made.taskID, Action.CANCEL))
        cancel.start()
        began = time.monotonic()
        assert fires(kind(*arguments), 30).payload == Status.ABORTED
        assert time.monotonic() - began < 0.5 + LOOK_SECONDS + 3
        cancel.join()


def test_the_timeout_fallback_fires_only_when_there_is_something_to_do(
    client: Client,
    running: Callable[[], Observation],
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = running()
    trigger = ObservationCompletingTrigger("atdb_default", made.taskID, "telescope_default")
    monkeypatch.setattr(lifecycle, "ASK_AFTER", made.starttime - made.endtime - timedelta(hours=1))
    assert fires(trigger, 4) is None
    logbook.save(task_of(made, State.FAILED, "a dish is stuck"))
    assert fires(trigger, 30).payload == Status.RUNNING
    client.move(made.taskID, Status.COMPLETING)
    assert isinstance(fires(trigger, 30), TaskSuccessEvent)


@pytest.mark.parametrize(
    "operator", [StartObservationOperator, RunObservationOperator, CompleteObservationOperator]
)
def test_airflow_can_make_each_trigger_again(
    context: Context, operator: Callable[..., StartObservationOperator]
) -> None:
    arguments = operator(task_id="it").start_trigger_args
    assert arguments
    assert arguments.trigger_kwargs
    trigger = import_string(arguments.trigger_cls)(**arguments.trigger_kwargs)
    assert trigger.serialize() == (arguments.trigger_cls, arguments.trigger_kwargs)
