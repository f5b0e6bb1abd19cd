"""After the timeout, the telescope is asked."""

from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface import lifecycle
from atdb_interface.client import Client
from atdb_interface.instruments.apertif.modes import IMAGING_COMPLETES_AFTER
from atdb_interface.lifecycle import COMPLETING_TIMEOUT, Status
from atdb_plugins.completing_timeout import ending
from atdb_plugins.hooks.telescope import TelescopeState, TelescopeTask
from operators.stages.observe import CompleteObservationOperator
from standalone.simulator.task_memory import TaskMemory, TaskState
from tests.operators.contexts import Context
from tests.operators.observations import Observe
from tests.operators.telescopes import last, task_of

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
    logbook.save(task_of(made, TaskState.FAILED, "a dish is stuck"))
    monkeypatch.setattr(lifecycle, "ASK_AFTER", timedelta())
    with pytest.raises(AirflowFailException, match="a dish is stuck"):
        CompleteObservationOperator(task_id="complete").execute(context(made.taskID, "observe"))
    status, reason = last(client, made)
    assert status is Status.ERROR_NO_COMPLETING
    assert "a dish is stuck" in reason
