"""The telescope is started in time and once, never again while its state is unknown."""

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from flask import Flask
from sqlalchemy import text

from atdb_interface.client import Client
from atdb_interface.lifecycle import OBSERVE, Actor, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from atdb_interface.times import STARTING_MARGIN_SECONDS
from atdb_plugins.triggers.observation import ObservationTurnTrigger
from operators.failures import NotDueYet
from operators.stages.base import enter
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from standalone.settings import HOST
from standalone.simulator.task_memory import TaskMemory, TaskState
from tests.conftest import free_ports
from tests.operators.contexts import Context
from tests.operators.telescopes import last, state, task_of, use_telescope

#: A reason of earlier versions, which histories still have.
FORMER = "try {} sends the parset"


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
    received = []
    with socket.create_server((HOST, 0)) as hangs_up:

        def serve() -> None:
            while True:
                try:
                    connection, _ = hangs_up.accept()
                except OSError:
                    return
                received.append(connection.recv(10_000))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        use_telescope(monkeypatch, hangs_up.getsockname()[1])
        with pytest.raises(AirflowFailException, match="unknown"):
            StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert len(received) == 1
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
    assert state(logbook, made) is TaskState.ACCEPTED


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
