"""After an operator runs observe again, each failed state has a true end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.failures import NotDueYet
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from standalone.simulator.task_memory import TaskMemory, TaskState
from tests.advancing import advance
from tests.conftest import free_ports
from tests.operators.contexts import Context
from tests.operators.telescopes import last, state, task_of, use_telescope


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
    assert (last(client, made)[0], state(logbook, made)) == (Status.STARTING, TaskState.ACCEPTED)


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
    logbook.save(task_of(made, TaskState.FAILED, "a dish is stuck"))
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
