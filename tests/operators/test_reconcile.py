"""What nobody else puts right, reconcile does."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import COMPLETING_TIMEOUT, IMAGING_BACKSTOP, MAX_LOST_OWNERS, ProductStatus, Status
from atdb_interface.models import Observation
from operators import reconcile
from operators.reconcile import AFTER_OBSERVE, ReconcileOperator
from tests.operators.conftest import Context

Observe = Callable[..., Observation]


def last(client: Client, made: Observation) -> tuple[str, str]:
    step = client.observation(made.taskID).status_history[-1]
    return step.name, step.reason


def run(context: Context) -> None:
    ReconcileOperator(task_id="reconcile").execute(context("", "reconcile"))


def test_lost_work_is_given_up_where_it_may_not_be_resumed_or_too_many_have_lost_it(
    client: Client, observe: Observe, context: Context
) -> None:
    start, held = observe(Status.SCHEDULED), observe(Status.SCHEDULED)
    often, once = observe(Status.VALID), observe(Status.VALID)
    client.move(start.taskID, Status.STARTING, owner="observe/run 1", lease_seconds=1)
    client.move(held.taskID, Status.STARTING, owner="observe/run 2", lease_seconds=60)
    client.move(once.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=1)
    for number in range(MAX_LOST_OWNERS + 1):
        client.move(often.taskID, Status.INGESTING, owner=f"ingest/run {number}", lease_seconds=1)
        time.sleep(1.05)
    time.sleep(0.95)  # what is lost is asked for in whole seconds
    run(context)
    assert last(client, start) == ("error (start obs)", "its owner observe/run 1 is lost")
    assert last(client, often) == (
        "ingest error",
        f"its owner ingest/run {MAX_LOST_OWNERS} is lost, the last of {MAX_LOST_OWNERS + 1}",
    )
    assert client.observation(held.taskID).my_status is Status.STARTING
    assert client.observation(once.taskID).my_status is Status.INGESTING


@pytest.mark.parametrize(
    ("mode", "limit", "becomes"),
    [
        ("imaging", IMAGING_BACKSTOP, Status.COMPLETING),
        ("arts_sc4_survey", COMPLETING_TIMEOUT, Status.ERROR_NO_COMPLETING),
    ],
)
def test_an_observation_that_nobody_watches_is_ended(
    client: Client,
    observe: Observe,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    limit: timedelta,
    becomes: Status,
) -> None:
    began = datetime.now(UTC)
    soon = (began + timedelta(minutes=1)).isoformat()
    ended = observe(Status.RUNNING, observing_mode=mode, starttime=began.isoformat(), duration=1)
    still = observe(Status.RUNNING, observing_mode=mode, field_name="still", starttime=soon, duration=90_000)
    due = limit + AFTER_OBSERVE

    def at(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, *_: Any) -> Any:
                return moment

        monkeypatch.setattr(reconcile, "datetime", Clock)
        run(context)

    at(began + due - timedelta(seconds=5))
    assert client.observation(ended.taskID).my_status is Status.RUNNING
    at(began + due + timedelta(seconds=10))
    assert last(client, ended) == (becomes, "past the end, and no word from the data writer")
    assert client.observation(still.taskID).my_status is Status.RUNNING


def test_where_nothing_is_lost_reconcile_changes_nothing(
    client: Client, observe: Observe, context: Context
) -> None:
    made = [observe(status, products=1) for status in (Status.DEFINED, Status.CHECKING, Status.INGEST_ERROR)]
    run(context)
    for before in made:
        assert client.observation(before.taskID) == before
    assert client.count_observations() == 3
    assert {p.my_status for p in client.dataproducts()} == {ProductStatus.DEFINED}
