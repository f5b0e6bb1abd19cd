"""Owners, leases, claims and consumers belong to the account that created them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import update

from atdb_api.database import transaction
from atdb_api.models import Lease
from atdb_api.services import accounts
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import BadRequest, Conflict, NotOwner
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
OWNER = "ingest/run 1"
SECRET = "secret-of-another-service-in-these-tests"


@pytest.fixture
def service(url: str) -> Iterator[Client]:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as opened:
        yield opened


@pytest.fixture
def other(app: Flask, url: str) -> Iterator[Client]:
    """Another account with the role pipeline."""
    with app.app_context(), transaction() as session:
        accounts.put(session, "other", role=Role.PIPELINE, password=SECRET, actor="tests")
    with Client(url, user="other", secret=SECRET) as opened:
        yield opened


def ask(claim_id: str, *statuses: Status, **more: Any) -> ClaimRequest:
    return ClaimRequest(id=claim_id, consumer="airflow", statuses=list(statuses or (Status.VALID,)), **more)


def ingest(client: Client, task_id: str, owner: str = OWNER, lease_seconds: int = 60) -> None:
    client.move(task_id, Status.INGESTING, owner=owner, lease_seconds=lease_seconds)


def test_no_other_account_ends_renews_or_does_the_work_of_an_owner(
    service: Client, other: Client, client: Client, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    ingest(service, task_id)
    (before,) = client.leases()
    assert (before.owner, before.account) == (OWNER, "pipeline")
    moves = [ProductMove(filename=f"{task_id}_0.fits", new_status=ProductStatus.INGESTING)]
    for account in (other, client):
        with pytest.raises(NotOwner) as refusal:
            account.move(task_id, Status.INGEST_ERROR, owner=OWNER, reason="mine")
        assert refusal.value.extra["account"] == "pipeline"
        with pytest.raises(NotOwner):
            ingest(account, task_id)
        with pytest.raises(NotOwner):
            account.renew(task_id, OWNER, 1)
        with pytest.raises(NotOwner):
            account.move_products(task_id, moves, owner=OWNER)
    assert list(client.leases()) == [before]
    ingest(service, task_id)
    service.renew(task_id, OWNER, 60)
    service.move_products(task_id, moves, owner=OWNER)
    service.move(task_id, Status.INGEST_ERROR, owner=OWNER, reason="mine")
    assert list(client.leases()) == []


def test_after_a_lease_has_expired_another_account_takes_over_with_the_same_name(
    service: Client, other: Client, client: Client, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    ingest(service, task_id, lease_seconds=1)
    time.sleep(1.1)
    ingest(other, task_id)
    (lease,) = client.leases()
    assert (lease.owner, lease.account, lease.lost_owners) == (OWNER, "other", 1)
    with pytest.raises(NotOwner):
        service.renew(task_id, OWNER, 60)
    other.renew(task_id, OWNER, 60)


def test_an_operator_moves_an_observation_only_after_the_lease_on_it_has_expired(
    service: Client, app: Flask, url: str, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    ingest(service, task_id)
    with Client(url, user="operator", secret=SECRETS["operator"]) as operator:
        with pytest.raises(NotOwner):
            operator.move(task_id, Status.INGEST_ERROR, reason="its run is lost")
        with app.app_context(), transaction() as session:
            session.execute(update(Lease).values(expires_at=datetime.now(UTC)))
        operator.move(task_id, Status.INGEST_ERROR, reason="its run is lost")
        assert operator.observation(task_id).my_status is Status.INGEST_ERROR


def test_no_other_account_reads_repeats_or_releases_a_claim(
    service: Client, other: Client, client: Client, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    first = service.claim(ask("c1"))
    with pytest.raises(NotOwner):
        other.claim(ask("c1"))
    assert other.open_claims("airflow") == []
    for release in ({"claim": "c1"}, {}):
        with pytest.raises(NotOwner):
            other.release([task_id], **release)
    assert service.claim(ask("c1")) == first
    assert [task.claim for task in service.open_claims("airflow")] == ["c1"]
    assert service.release([task_id], claim="c1") == 1
    assert client.observation(task_id).claimed_until is None


def test_a_release_that_is_refused_releases_nothing(service: Client, other: Client, observe: Observe) -> None:
    mine = observe(Status.COMPLETING).taskID
    other_task_id = observe(Status.VALID).taskID
    other.claim(ask("c1", Status.COMPLETING))
    service.claim(ask("c2"))
    with pytest.raises(NotOwner, match=other_task_id):
        other.release([mine, other_task_id])
    assert [task.taskID for task in other.open_claims("airflow")] == [mine]
    assert other.release([mine]) == 1


def test_two_accounts_with_the_same_consumer_see_their_own_claims(
    service: Client, other: Client, client: Client, observe: Observe
) -> None:
    first, second = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    service.claim(ask("c1", limit=1))
    other.claim(ask("c2"))
    assert [task.taskID for task in service.open_claims("airflow")] == [first]
    assert [task.taskID for task in other.open_claims("airflow")] == [second]
    assert [task.taskID for task in client.open_claims("airflow")] == [first, second]


def test_operators_read_and_release_the_claims_of_all_and_viewers_none(
    service: Client, url: str, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    service.claim(ask("c1"))
    with Client(url, user="viewer", secret=SECRETS["viewer"]) as viewer:
        assert viewer.open_claims("airflow") == []
    with Client(url, user="operator", secret=SECRETS["operator"]) as operator:
        assert [task.taskID for task in operator.open_claims("airflow")] == [task_id]
        assert operator.release([task_id], claim="c1") == 1
    assert service.open_claims("airflow") == []


def test_work_on_a_claimed_observation_begins_only_with_the_account_of_the_claim(
    service: Client, other: Client, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    service.claim(ask("c1"))
    for owner in (OWNER, None):
        with pytest.raises(NotOwner, match="is claimed by airflow of account pipeline") as refusal:
            other.move(task_id, Status.INGESTING, owner=owner)
        assert refusal.value.extra["account"] == "pipeline"
    assert [task.taskID for task in service.open_claims("airflow")] == [task_id]
    ingest(service, task_id)


def test_lost_work_that_is_claimed_is_taken_over_by_that_account_only(
    service: Client, other: Client, observe: Observe
) -> None:
    task_id = observe(Status.VALID).taskID
    ingest(service, task_id, lease_seconds=1)
    time.sleep(1.1)
    assert [task.taskID for task in service.claim(ask("c1", Status.INGESTING)).tasks] == [task_id]
    with pytest.raises(NotOwner, match="is claimed by"):
        ingest(other, task_id, "other/1")
    ingest(service, task_id, "ingest/run 2")


def test_an_operator_acts_on_a_claimed_observation(service: Client, client: Client, observe: Observe) -> None:
    held, forced = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    service.claim(ask("c1"))
    client.move(held, Status.ON_HOLD, reason="storm")
    client.move(forced, Status.INGESTING, owner="by hand", force=True, reason="listen is broken")
    assert service.open_claims("airflow") == []


def test_after_a_claim_has_expired_any_account_may_begin(service: Client, other: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    service.claim(ask("c1", lease_seconds=1))
    time.sleep(1.1)
    ingest(other, task_id)
    (lease,) = other.leases(taskID=task_id)
    assert (lease.taskID, lease.account) == (task_id, "other")


def test_a_claim_is_passed_on_to_one_named_account(
    service: Client, other: Client, url: str, app: Flask, observe: Observe
) -> None:
    with app.app_context(), transaction() as session:
        accounts.put(session, "third", role=Role.PIPELINE, password=SECRET, actor="tests")
    begun, released = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    made = service.claim(ask("c1", for_account="other"))
    assert [task.taskID for task in other.open_claims("airflow")] == [begun, released]
    assert [task.taskID for task in service.open_claims("airflow")] == [begun, released]
    assert other.claim(ask("c1")) == made
    with Client(url, user="third", secret=SECRET) as third:
        assert third.open_claims("airflow") == []
        for attempt in (
            lambda: third.claim(ask("c1")),
            lambda: third.release([released]),
            lambda: ingest(third, begun),
        ):
            with pytest.raises(NotOwner):
                attempt()
    ingest(other, begun)
    with pytest.raises(Conflict):
        ingest(service, begun)  # the lease belongs to the account that has begun
    assert other.release([released], claim="c1") == 1


def test_a_claim_for_an_unknown_account_is_refused(service: Client, observe: Observe) -> None:
    observe(Status.VALID)
    with pytest.raises(BadRequest, match="no account absent") as refusal:
        service.claim(ask("c1", for_account="absent"))
    assert refusal.value.extra["errors"][0]["field"] == "for_account"
    assert service.count_waiting([Status.VALID]) == 1


def test_the_account_of_a_lease_is_a_filter(service: Client, url: str, observe: Observe) -> None:
    ingest(service, observe(Status.VALID).taskID)
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as http:
        assert http.get("/leases/", params={"account": "pipeline"}).json()["count"] == 1
        assert http.get("/leases/", params={"account": "other"}).json()["count"] == 0
