"""Leases: what the owner of a work reports with its lease, and what the next owner gets."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import update

from atdb_api.database import transaction
from atdb_api.models import Lease
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.errors import NotOwner
from atdb_interface.leases import HeldLease
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
OWNER = "ingest/run 1"


def lease_of(worker: Client) -> HeldLease:
    (only,) = worker.leases()
    return only


def seconds_left(lease: HeldLease) -> float:
    return (lease.expires_at - datetime.now(UTC)).total_seconds()


@pytest.fixture
def task_id(worker: Client, observe: Observe) -> str:
    """An observation that the first run ingests."""
    task_id = observe(Status.VALID).taskID
    worker.move(task_id, Status.INGESTING, owner=OWNER, lease_seconds=600)
    return task_id


def test_a_lease_lasts_as_long_as_its_owner_asks_each_time(worker: Client, task_id: str) -> None:
    first = lease_of(worker)
    assert first.expires_at - first.began_at == timedelta(seconds=600)
    worker.renew(task_id, OWNER, 3600)
    assert 3500 < seconds_left(lease_of(worker)) <= 3600
    worker.renew(task_id, OWNER, 60)
    assert 0 < seconds_left(lease_of(worker)) <= 60
    worker.move(task_id, Status.INGESTING, owner=OWNER, lease_seconds=1800)
    assert 1700 < seconds_left(lease_of(worker)) <= 1800
    assert lease_of(worker).began_at == first.began_at


def test_a_trouble_lasts_until_its_owner_ends_it(worker: Client, task_id: str) -> None:
    def after(**reported: Any) -> tuple[int | None, int | None, str | None, datetime | None]:
        worker.renew(task_id, OWNER, 600, **reported)
        lease = lease_of(worker)
        return lease.done_bytes, lease.total_bytes, lease.trouble, lease.trouble_since

    assert after() == (None, None, None, None)
    assert after(total_bytes=10) == (None, 10, None, None)
    began = datetime.now(UTC)
    *known, since = after(done_bytes=5, trouble="archive unreachable")
    assert known == [5, 10, "archive unreachable"]
    assert since is not None
    assert began - timedelta(seconds=1) <= since <= datetime.now(UTC)
    with_another_reason = after(done_bytes=0, trouble="archive full")
    assert with_another_reason == (0, 10, "archive full", since)
    assert after(trouble="archive full") == after() == with_another_reason
    assert after(trouble="") == after(trouble="") == (0, 10, None, None)


def test_the_next_owner_gets_a_lease_without_the_reports_of_the_former(
    app: Flask, worker: Client, task_id: str
) -> None:
    worker.renew(task_id, OWNER, 600, done_bytes=5, total_bytes=10, trouble="archive unreachable")
    with app.app_context(), transaction() as session:
        now = datetime.now(UTC)
        session.execute(update(Lease).values(expires_at=now, began_at=now - timedelta(hours=1)))
    former = lease_of(worker)
    claimed = worker.claim(ClaimRequest(id="c1", consumer="airflow", statuses=[Status.INGESTING]))
    assert [task.taskID for task in claimed.tasks] == [task_id]
    worker.move(task_id, Status.INGESTING, owner="ingest/run 2", lease_seconds=900)
    lease = lease_of(worker)
    assert (lease.owner, lease.lost_owners) == ("ingest/run 2", 1)
    assert (lease.done_bytes, lease.total_bytes, lease.trouble, lease.trouble_since) == (None, None, None, None)
    assert lease.began_at > former.began_at
    assert lease.expires_at - lease.began_at == timedelta(seconds=900)
    assert worker.observation(task_id).claimed_until is None


def test_another_owner_learns_which_one_holds_the_lease(worker: Client, task_id: str) -> None:
    held = lease_of(worker)
    with pytest.raises(NotOwner, match=f"belongs to {OWNER} of account pipeline until ") as refusal:
        worker.renew(task_id, "ingest/run 2", 60)
    expected = {"my_status": "ingesting", "owner": OWNER, "account": "pipeline"}
    assert expected.items() <= refusal.value.extra.items()
    assert refusal.value.extra["expires_at"] == f"{held.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def test_no_owner_gets_a_lease_on_work_that_has_none(url: str, worker: Client, observe: Observe) -> None:
    made = observe(Status.INGESTING)  # an operator has set the status: no run works on it
    with pytest.raises(NotOwner, match="no owner holds a lease on it") as refusal:
        worker.renew(made.taskID, OWNER, 60)
    assert refusal.value.extra["my_status"] == "ingesting"
    with pytest.raises(NotOwner, match="no owner holds a lease on it"):
        worker.move(made.taskID, Status.INGESTING, owner=OWNER)
    body = {"taskID": "999999999", "owner": OWNER, "lease_seconds": 60}
    unknown = httpx.post(f"{url}/atdb/leases/", json=body, auth=("pipeline", SECRETS["pipeline"]))
    assert (unknown.status_code, "no observation with taskID 999999999" in unknown.text) == (404, True)
