"""Airflow's database stores class paths of triggers: those of the previous version work for one more release."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.models.trigger import Trigger
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.triggers.listen import ObservationDispatchTrigger
from atdb_plugins.triggers.observation import (
    ObservationCompletingTrigger,
    ObservationStartTrigger,
    ObservationTurnTrigger,
)
from operators.listen import DispatchObservationsOperator
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator
from tests.operators.contexts import Context
from tests.operators.triggering import fires

Observe = Callable[..., Observation]
OF_ATDB = {"atdb_conn_id": "atdb_default", "atdb_task_id": "190405034"}
STORED: dict[str, tuple[type[BaseTrigger], dict[str, str]]] = {
    "atdb_plugins.triggers.atdb.TurnTrigger": (ObservationTurnTrigger, OF_ATDB),
    "atdb_plugins.triggers.atdb.StartTrigger": (ObservationStartTrigger, OF_ATDB),
    "atdb_plugins.triggers.atdb.CompletingTrigger": (
        ObservationCompletingTrigger,
        {**OF_ATDB, "telescope_conn_id": "telescope_default"},
    ),
    "atdb_plugins.triggers.listen.ListenTrigger": (
        ObservationDispatchTrigger,
        {"atdb_conn_id": "atdb_default", "airflow_conn_id": "airflow_listen"},
    ),
}
OF_AN_OBSERVATION = [path for path in STORED if ".atdb." in path]


def stored(path: str, arguments: dict[str, Any]) -> BaseTrigger:
    """Create a trigger from a row of Airflow's database, as the triggerer does."""
    row = Trigger(path, arguments)
    kind = TriggerRunner().get_trigger_by_classpath(row.classpath)
    return kind(**row.kwargs)


@pytest.mark.parametrize("path", STORED)
def test_a_trigger_of_the_version_before_is_made_again_under_its_new_path(path: str) -> None:
    kind, arguments = STORED[path]
    trigger = stored(path, arguments)
    new = {"telescope_conn_id": "telescope_default"} if kind is ObservationStartTrigger else {}
    new_path = f"{kind.__module__}.{kind.__name__}"
    assert new_path != path
    assert trigger.serialize() == (new_path, arguments | new)
    again = stored(*trigger.serialize())
    assert type(again) is type(trigger) is kind


@pytest.mark.parametrize("path", OF_AN_OBSERVATION)
@pytest.mark.parametrize("status", [Status.ABORTED, Status.COMPLETING])
def test_it_fires_as_that_of_this_version_does(
    client: Client, observe: Observe, context: Context, path: str, status: Status
) -> None:
    kind, arguments = STORED[path]
    arguments = {**arguments, "atdb_task_id": observe(status).taskID}
    event, of_this_version = fires(stored(path, arguments), 30), fires(kind(**arguments), 30)
    if kind is ObservationCompletingTrigger and status is Status.COMPLETING:
        assert isinstance(event, TaskSuccessEvent)
        assert isinstance(of_this_version, TaskSuccessEvent)
    else:
        assert event.payload == of_this_version.payload == status


@pytest.mark.parametrize("path", OF_AN_OBSERVATION)
def test_it_waits_as_that_of_this_version_does(
    client: Client, observe: Observe, context: Context, path: str
) -> None:
    waits_in = {
        ObservationTurnTrigger: Status.SCHEDULED,
        ObservationStartTrigger: Status.STARTING,
        ObservationCompletingTrigger: Status.RUNNING,
    }
    kind, arguments = STORED[path]
    next_year = datetime.now(UTC) + timedelta(days=365)
    made = observe(waits_in[kind], starttime=next_year.isoformat())
    assert fires(stored(path, {**arguments, "atdb_task_id": made.taskID}), 2) is None


@pytest.mark.parametrize(
    "operator",
    [DispatchObservationsOperator, StartObservationOperator, RunObservationOperator, CompleteObservationOperator],
)
def test_a_deferred_task_resumes_at_the_method_that_every_version_has(operator: Callable[..., Any]) -> None:
    made = operator(task_id="it")
    assert made.start_trigger_args.next_method == "execute_complete"
    assert callable(made.execute_complete)
