"""The triggers of observe, run as by the triggerer."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

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
from standalone.simulator.task_memory import State, TaskMemory
from tests.operators.conftest import Context
from tests.operators.telescopes import task_of
from tests.operators.triggering import fires


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
