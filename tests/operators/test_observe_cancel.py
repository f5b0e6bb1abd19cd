"""A cancel reaches the telescope, and what has ended meanwhile stays."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface import lifecycle
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from operators.stages.when_due import WhenDueOperator
from standalone.simulator.task_memory import TaskMemory, TaskState
from tests.conftest import free_ports
from tests.operators.contexts import Context
from tests.operators.telescopes import last, state, task_of, use_telescope


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
    assert state(logbook, made) is TaskState.STOPPED
    assert last(client, made) == (Status.ABORTED, "thunderstorm")


def after_it_has_read(
    monkeypatch: pytest.MonkeyPatch, operator: type[WhenDueOperator], happens: Callable[[str], object]
) -> None:
    """Call a function when the operator has read the observation and before it acts."""
    act = operator.act

    def late(self: WhenDueOperator, client: Client, observation: Observation, context: object) -> None:
        happens(observation.taskID)
        act(self, client, observation, context)

    monkeypatch.setattr(operator, "act", late)


def before_it_sends(monkeypatch: pytest.MonkeyPatch, happens: Callable[[str], object]) -> None:
    """Call a function when the operator is about to send the parset."""
    send = TelescopeHook.start

    def late(self: TelescopeHook, task_id: str, parset: str) -> None:
        happens(task_id)
        send(self, task_id, parset)

    monkeypatch.setattr(TelescopeHook, "start", late)


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
    assert state(logbook, made) is TaskState.STOPPED
    assert last(client, made) == (Status.ABORTED, "storm")


def test_a_cancel_while_the_parset_is_sent_reaches_the_telescope_with_the_next_task(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(500)
    before_it_sends(monkeypatch, lambda task_id: client.act(task_id, Action.CANCEL, reason="storm"))
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is TaskState.ACCEPTED
    with pytest.raises(AirflowSkipException, match="storm"):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is TaskState.STOPPED


def test_a_telescope_that_refuses_what_was_cancelled_meanwhile_is_no_error(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(500)
    logbook.save(task_of(made))  # so it refuses to start it a second time
    before_it_sends(monkeypatch, lambda task_id: client.act(task_id, Action.CANCEL, reason="storm"))
    with pytest.raises(AirflowSkipException, match="storm"):
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert last(client, made) == (Status.ABORTED, "storm")
    assert state(logbook, made) is TaskState.STOPPED


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
    logbook.save(task_of(made, TaskState.FAILED, "a dish is stuck"))
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
    assert state(logbook, made) is TaskState.STOPPED


@pytest.mark.parametrize("to", [Status.SCHEDULED, Status.ON_HOLD])
def test_what_is_forced_away_from_the_telescope_is_stopped_there(
    client: Client, started: Callable[[float], Observation], context: Context, logbook: TaskMemory, to: Status
) -> None:
    made = started(500)
    client.move(made.taskID, to, force=True, reason="not now")
    with pytest.raises(AirflowSkipException, match="not now"):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is TaskState.STOPPED
    assert last(client, made)[0] is to


def test_what_another_run_has_started_meanwhile_is_not_stopped(
    client: Client, started: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> None:
    made = started(500)
    client.move(made.taskID, Status.SCHEDULED, force=True, reason="once more")
    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe", run="run 2"))
    with pytest.raises(AirflowSkipException):
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert state(logbook, made) is TaskState.ACCEPTED
    RunObservationOperator(task_id="run").execute(context(made.taskID, "observe", run="run 2"))
    assert last(client, made)[0] is Status.RUNNING
