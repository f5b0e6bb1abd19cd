"""The DAG operate applies an action to each observation, and lists those that are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.operate import PRIORITY, ActOnObservationsOperator
from tests.operators.contexts import Context

Observe = Callable[..., Observation]
Operate = Callable[..., None]


@pytest.fixture
def operate(context: Context) -> Operate:
    """Run the DAG's task with some parameters, as triggered by a user."""

    def run(task_ids: str, action: str, *, user: str | None = "ada", **params: Any) -> None:
        made = context("", "operate")
        made["dag_run"].triggering_user_name = user
        made["params"] = {"taskIDs": task_ids, "action": action, "priority": 0, "reason": "thunderstorm", **params}
        ActOnObservationsOperator(task_id="operate").execute(made)

    return run


def test_an_action_is_done_to_each_with_the_reason_and_who_asked(
    client: Client, observe: Observe, operate: Operate
) -> None:
    one, two, other = (observe(Status.SCHEDULED).taskID for _ in range(3))
    operate(f" {one},\n{two} {one}", Action.HOLD)
    for task_id in (one, two):
        last = client.observation(task_id).status_history[-1]
        assert (last.name, last.reason) == (Status.ON_HOLD, "ada in Airflow: thunderstorm")
    assert client.observation(other).my_status is Status.SCHEDULED
    operate(two, Action.RESUME, user=None)
    last = client.observation(two).status_history[-1]
    assert (last.name, last.reason) == (Status.SCHEDULED, "thunderstorm")


def test_what_is_refused_is_named_when_the_others_are_done(
    client: Client, observe: Observe, operate: Operate
) -> None:
    held, past, good = observe(Status.ON_HOLD).taskID, observe(Status.REMOVED).taskID, observe(Status.VALID).taskID
    with pytest.raises(AirflowFailException, match="3 of 4 refused") as failure:
        operate(f"999999999 {held} {past} {good}", Action.HOLD)
    for refused in ("999999999", held, past):
        assert refused in str(failure.value)
    assert f"{good}:" not in str(failure.value)
    assert client.observation(good).my_status is Status.ON_HOLD


def test_a_text_that_is_no_taskid_is_refused_too(client: Client, observe: Observe, operate: Operate) -> None:
    good = observe(Status.VALID).taskID
    with pytest.raises(AirflowFailException, match="1 of 2 refused: 19x4"):
        operate(f"19x4 {good}", Action.HOLD)
    assert client.observation(good).my_status is Status.ON_HOLD


def test_a_priority_is_given_with_its_reason(client: Client, observe: Observe, operate: Operate) -> None:
    made = observe(Status.VALID)
    operate(made.taskID, PRIORITY, priority=7)
    assert client.observation(made.taskID).priority == 7
    change = list(client.changes(taskID=made.taskID))[-1]
    assert change.reason == "ada in Airflow: thunderstorm"


@pytest.mark.parametrize(("task_ids", "reason"), [(" ,;", "thunderstorm"), ("190405034", " ")])
def test_without_a_taskid_or_a_reason_nothing_is_done(operate: Operate, task_ids: str, reason: str) -> None:
    with pytest.raises(AirflowFailException, match="enter at least one taskID and a reason"):
        operate(task_ids, Action.HOLD, reason=reason)
