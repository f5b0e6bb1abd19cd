"""Each overdue observation is reported once, and a site's own DAG can wait for this."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import OutletEventAccessors
from flask import Flask
from sqlalchemy import update

from atdb_api.database import transaction
from atdb_api.models import Observation as Row
from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.expected_durations import EXPECTED
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import INGEST, Status
from atdb_interface.observations import Observation
from operators.reconcile.overdue import OVERDUE, ReportOverdueOperator
from tests.operators.contexts import Context

Observe = Callable[..., Observation]


@pytest.fixture
def look(client: Client, context: Context) -> Callable[[], set[str]]:
    """Check once, and return the partitions that are emitted."""

    def once() -> set[str]:
        emitted: Any = OutletEventAccessors()
        ReportOverdueOperator(task_id="overdue").execute(context("", "reconcile") | {"outlet_events": emitted})
        return set(emitted[OVERDUE].partition_keys)

    return once


@pytest.fixture
def waiting(app: Flask, client: Client, observe: Observe) -> Callable[[timedelta], Observation]:
    """Create an observation that has been valid for some time."""

    def make(age: timedelta) -> Observation:
        made = observe(Status.VALID)
        with app.app_context(), transaction() as session:
            since = {"status_since": datetime.now(UTC) - age}
            session.execute(update(Row).where(Row.task_id == made.taskID).values(since))
        return client.observation(made.taskID)

    return make


def test_each_overdue_observation_is_reported_and_emitted_once(
    client: Client, look: Callable[[], set[str]], waiting: Callable[[timedelta], Observation]
) -> None:
    first = waiting(EXPECTED[Status.VALID] + timedelta(minutes=1))
    waiting(EXPECTED[Status.VALID] - timedelta(minutes=1))
    assert look() == {first.taskID}
    (event,) = client.events()
    since, due = (write_time(first.status_since + later) for later in (timedelta(0), EXPECTED[Status.VALID]))
    assert (event.kind, event.taskID) == (EventKind.OVERDUE, first.taskID)
    assert event.key == f"overdue/{first.taskID}/valid/{since}"
    assert event.detail == f"{first.taskID} has had status valid since {since}, and has been overdue since {due}"
    second = waiting(timedelta(days=9))
    assert look() == {second.taskID}


def test_the_delay_before_a_stage_is_added(
    client: Client, look: Callable[[], set[str]], waiting: Callable[[timedelta], Observation]
) -> None:
    delay = timedelta(days=10)
    client.change_stage(INGEST.actor, delay_seconds=delay.total_seconds())
    waiting(EXPECTED[Status.VALID] + delay - timedelta(minutes=1))
    late = waiting(EXPECTED[Status.VALID] + delay + timedelta(minutes=1))
    assert look() == {late.taskID}
    (event,) = client.events()
    assert event.detail.endswith(f"overdue since {write_time(late.status_since + delay + EXPECTED[Status.VALID])}")


def test_where_nothing_has_become_overdue_the_asset_does_not_change(
    look: Callable[[], set[str]], waiting: Callable[[timedelta], Observation]
) -> None:
    waiting(timedelta(days=9))
    look()
    with pytest.raises(AirflowSkipException, match="No observation has become overdue"):
        look()
