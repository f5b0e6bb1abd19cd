"""The triggers of observe, run as by the triggerer."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from airflow.triggers.base import TaskSuccessEvent
from werkzeug.utils import import_string

from atdb_interface import lifecycle
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.triggers.observation import LOOK_SECONDS, ObservationCompletingTrigger, ObservationStartTrigger
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from standalone.simulator.task_memory import TaskMemory, TaskState
from tests.conftest import free_ports
from tests.operators.contexts import Context
from tests.operators.telescopes import state, task_of, use_telescope
from tests.operators.triggering import fires

Wait = tuple[Callable[[], Observation], type[ObservationStartTrigger | ObservationCompletingTrigger]]


def test_a_trigger_stops_the_telescope_in_seconds_after_a_cancel(
    client: Client,
    started: Callable[[float], Observation],
    running: Callable[[], Observation],
    logbook: TaskMemory,
) -> None:
    waits: list[Wait] = [(partial(started, 600), ObservationStartTrigger), (running, ObservationCompletingTrigger)]
    for make, kind in waits:
        made = make()  # one after the other, because the telescope observes one at a time
        arguments = ("atdb_default", made.taskID, "telescope_default")
        assert fires(kind(*arguments), 1) is None
        cancel = threading.Timer(0.5, client.act, (made.taskID, Action.CANCEL))
        cancel.start()
        began = time.monotonic()
        assert fires(kind(*arguments), 30).payload == Status.ABORTED
        assert time.monotonic() - began < 0.5 + LOOK_SECONDS + 3
        assert state(logbook, made) is TaskState.STOPPED
        cancel.join()


def test_a_trigger_fires_after_a_cancel_even_if_the_telescope_does_not_respond(
    client: Client,
    started: Callable[[float], Observation],
    logbook: TaskMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = started(600)
    client.act(made.taskID, Action.CANCEL)
    use_telescope(monkeypatch, free_ports(1)[0])
    assert fires(ObservationStartTrigger("atdb_default", made.taskID), 30).payload == Status.ABORTED
    assert state(logbook, made) is TaskState.ACCEPTED


def test_a_trigger_does_not_stop_what_is_not_cancelled(
    client: Client, started: Callable[[float], Observation], logbook: TaskMemory
) -> None:
    made = started(600)
    client.move(made.taskID, Status.RUNNING, force=True, reason="it is observed")
    assert fires(ObservationStartTrigger("atdb_default", made.taskID), 30).payload == Status.RUNNING
    client.move(made.taskID, Status.ERROR_START_OBS, force=True, reason="the telescope may have it")
    assert fires(ObservationStartTrigger("atdb_default", made.taskID), 30).payload == Status.ERROR_START_OBS
    assert state(logbook, made) is TaskState.ACCEPTED


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
    logbook.save(task_of(made, TaskState.FAILED, "a dish is stuck"))
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
