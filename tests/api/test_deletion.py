"""An operator switches off all deletion at once: no observation enters removing until it is switched on again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.services import claims
from atdb_interface.bulk import ObservationBulk
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import Forbidden, NotYet
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation, ObservationChange
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
WHY = "the archive reports silent errors"


@pytest.fixture
def operator(url: str) -> Iterator[Client]:
    with Client(url, user="operator", secret=SECRETS["operator"]) as opened:
        yield opened


def claim(client: Client, claim_id: str, *statuses: Status) -> list[str]:
    request = ClaimRequest(id=claim_id, consumer="test", statuses=list(statuses))
    return [task.taskID for task in client.claim(request).tasks]


def remove(client: Client, task_id: str, owner: str = "remove/run 1", **more: Any) -> None:
    client.move(task_id, Status.REMOVING, owner=owner, **more)


def test_deletion_is_on_until_an_operator_switches_it_off_and_on(client: Client, operator: Client) -> None:
    on = client.deletion()
    assert on.model_dump() == {"allowed": True, "stopped_by": None, "stopped_at": None, "reason": None}
    off = operator.change_deletion(allowed=False, reason=WHY)
    assert (off.allowed, off.stopped_by, off.reason) == (False, "operator", WHY)
    assert client.deletion() == off
    assert operator.change_deletion(allowed=True, reason="the archive is repaired") == on
    assert client.deletion() == on


def test_each_change_of_the_switch_is_recorded_and_the_first_reason_stays(
    client: Client, operator: Client
) -> None:
    off = operator.change_deletion(allowed=False, reason=WHY)
    assert client.change_deletion(allowed=False, reason="me too") == off
    client.change_deletion(allowed=True)
    client.change_deletion(allowed=True)
    recorded = [(each.actor, each.fields, each.reason) for each in client.changes(account__isnull="true")]
    assert recorded == [
        ("operator", {"deletion.allowed": (True, False)}, WHY),
        ("admin", {"deletion.allowed": (False, True)}, ""),
    ]


@pytest.mark.parametrize(
    "body", [{}, {"allowed": False}, {"allowed": False, "reason": " "}, {"allowed": None}, {"allowed": 0}]
)
def test_to_switch_it_off_requires_a_reason(client: Client, url: str, body: dict[str, object]) -> None:
    answer = httpx.patch(f"{url}/atdb/deletion/", json=body, auth=("operator", SECRETS["operator"]))
    assert answer.status_code == 400, answer.text
    assert client.deletion().allowed


def test_only_operators_switch_it(url: str, client: Client) -> None:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as service:
        assert service.deletion().allowed
        with pytest.raises(Forbidden):
            service.change_deletion(allowed=False, reason=WHY)
        client.change_deletion(allowed=False, reason=WHY)
        with pytest.raises(Forbidden):
            service.change_deletion(allowed=True)
    assert not client.deletion().allowed


@pytest.mark.parametrize("more", [{}, {"force": True, "reason": "disk full"}], ids=["a step", "forced"])
@pytest.mark.parametrize("owner", ["remove/run 1", None])
def test_while_it_is_off_no_observation_enters_removing(
    client: Client, observe: Observe, owner: str | None, more: dict[str, Any]
) -> None:
    task_id = observe(Status.ARCHIVED).taskID
    client.change_deletion(allowed=False, reason=WHY)
    with pytest.raises(NotYet, match=f"switched off by admin since .*{WHY}") as refusal:
        client.move(task_id, Status.REMOVING, owner=owner, **more)
    assert (refusal.value.extra["stage"], refusal.value.extra["paused_by"]) == ("remove", "admin")
    assert client.observation(task_id).my_status is Status.ARCHIVED
    client.change_deletion(allowed=True)
    client.move(task_id, Status.REMOVING, owner=owner, **more)
    assert client.observation(task_id).my_status is Status.REMOVING


def test_a_change_of_one_or_many_does_not_get_past_the_switch(client: Client, observe: Observe) -> None:
    made = observe(Status.ARCHIVED)
    client.change_deletion(allowed=False, reason=WHY)
    with pytest.raises(NotYet):
        client.change_observation(made.id, new_status="removing", node="wcudata7")
    change = ObservationChange(new_status=Status.REMOVING, node="wcudata7")
    ask = ObservationBulk(filters={"my_status": "archived"}, change=change)
    preview = client.preview_observations(ask)
    assert dict(preview.verdicts) == {"refused": 1}
    client.change_observations(ask, preview.token)
    now = client.observation(made.taskID)
    assert (now.my_status, now.node) == (Status.ARCHIVED, made.node)


def test_while_it_is_off_a_removal_is_not_continued_but_recorded(client: Client, observe: Observe) -> None:
    made, lost = observe(Status.ARCHIVED, products=2), observe(Status.ARCHIVED)
    remove(client, made.taskID)
    remove(client, lost.taskID, lease_seconds=1)
    client.change_deletion(allowed=False, reason=WHY)
    time.sleep(1.1)
    for task_id, owner in ((made.taskID, "remove/run 1"), (lost.taskID, "remove/run 1"), (lost.taskID, "run 2")):
        with pytest.raises(NotYet):
            remove(client, task_id, owner)
    assert claim(client, "c1", Status.ARCHIVED, Status.REMOVING) == []
    client.renew(made.taskID, "remove/run 1", 60)
    gone = ProductMove(filename=f"{made.taskID}_0.fits", new_status=ProductStatus.REMOVED)
    client.move_products(made.taskID, [gone], owner="remove/run 1")
    assert [receipt.dataproduct for receipt in client.receipts()] == [gone.filename]
    client.move(made.taskID, Status.REMOVE_ERROR, owner="remove/run 1", reason="deletion is switched off")
    client.change_deletion(allowed=True)
    assert claim(client, "c2", Status.REMOVING) == [lost.taskID]
    remove(client, lost.taskID, "run 2")


def test_while_it_is_off_nothing_is_claimed_for_remove_and_all_else_continues(
    client: Client, observe: Observe
) -> None:
    waits, other = observe(Status.ARCHIVED).taskID, observe(Status.VALID).taskID
    claim(client, "c1", Status.ARCHIVED, Status.VALID)
    client.change_deletion(allowed=False, reason=WHY)
    assert client.observation(waits).claimed_until is None
    assert client.observation(other).claimed_until is not None
    assert client.count_waiting([Status.ARCHIVED]) == 0
    assert claim(client, "c2", Status.ARCHIVED) == []
    another = observe(Status.VALID).taskID
    assert client.count_waiting([Status.ARCHIVED, Status.VALID]) == 1
    assert claim(client, "c3", Status.ARCHIVED, Status.VALID) == [another]
    assert "Deletion has been switched off by admin since" in client.why(waits).why
    client.change_deletion(allowed=True)
    assert client.count_waiting([Status.ARCHIVED]) == 1
    assert "switched off" not in client.why(waits).why
    assert claim(client, "c4", Status.ARCHIVED) == [waits]


def test_the_switch_waits_for_a_claim_that_is_being_made(app: Flask, client: Client, observe: Observe) -> None:
    task_id = observe(Status.ARCHIVED).taskID
    with ThreadPoolExecutor(1) as pool:
        with app.app_context(), transaction() as session:
            request = ClaimRequest(id="c1", consumer="test", statuses=[Status.ARCHIVED])
            claims.claim(session, request, actor="admin")
            session.flush()
            switch = pool.submit(client.change_deletion, allowed=False, reason=WHY)
            time.sleep(0.5)
            assert not switch.done()
        assert not switch.result().allowed
    assert client.observation(task_id).claimed_until is None
