"""All pairs of statuses, tried over HTTP."""

from collections.abc import Callable

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status, allowed_next, allowed_next_of_product
from atdb_interface.observations import Observation
from tests.advancing import advance
from tests.conftest import route_to

Observe = Callable[..., Observation]

# The facts of the domain, repeated here on purpose: the tested table must not be compared with itself.
NORMAL_ROUTE = "defined|scheduled|starting|running|completing|checking|valid|ingesting|archived|removing|removed"
ALLOWED = {
    "defined": "scheduled",
    "scheduled": "starting|error (too late)|error (start obs)",
    "starting": "running|error (start obs)",
    "running": "completing|error (no completing)",
    "completing": "checking",
    "checking": "valid|incomplete|completed",
    "valid": "ingesting",
    "ingesting": "archived|ingest error",
    "archived": "removing|completing",
    "removing": "removed|remove error",
    "completed": "valid",
    "incomplete": "valid|completing",
    "error (too late)": "scheduled",
    "error (start obs)": "scheduled",
    "error (no completing)": "running",
    "ingest error": "valid|completing",
    "remove error": "archived|completing",
    "removed": "",
    "aborted": "",
}
BEFORE_INGESTING = {
    *["defined", "scheduled", "starting", "running", "completing", "checking", "valid", "completed", "incomplete"],
    *("error (too late)", "error (start obs)", "error (no completing)"),
}
NEVER_HELD = {"starting", "running", "removed", "aborted"}
BACK_FROM_HOLD = {"checking": "completing", "ingesting": "valid", "removing": "archived"}


def allowed(status: str) -> set[str]:
    targets = set(filter(None, ALLOWED[status].split("|")))
    if status in BEFORE_INGESTING:
        targets.add("aborted")
    if status not in NEVER_HELD:
        targets.add("on hold")
    return targets


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.ON_HOLD}))
def test_only_the_listed_statuses_may_follow(client: Client, observe: Observe, status: Status) -> None:
    stays = observe(status)
    for target in sorted(set(Status) - {status}):
        if target in allowed(status):
            goes = observe()
            advance(client, goes.taskID, [*route_to(status), target])
            steps = client.observation(goes.taskID).status_history
            assert len(steps) == len(stays.status_history) + 1
            assert (steps[-1].previous, steps[-1].name, steps[-1].actor) == (status, target, "admin")
        else:
            with pytest.raises(ForbiddenMove) as refusal:
                client.change_observation(stays.id, new_status=target)
            assert refusal.value.extra["my_status"] == status
            assert set(refusal.value.extra["allowed"]) == allowed(status)
    assert client.observation(stays.taskID) == stays


def test_the_normal_way_is_the_one_of_the_domain(observe: Observe) -> None:
    assert [step.name for step in observe(Status.REMOVED).status_history] == NORMAL_ROUTE.split("|")


@pytest.mark.parametrize("status", sorted(s for s in Status if Status.ON_HOLD in allowed_next(s)))
def test_from_hold_there_is_only_the_way_back(client: Client, observe: Observe, status: Status) -> None:
    held = observe(status)
    client.move(held.taskID, Status.ON_HOLD, reason="thunderstorm")
    rest = Status(BACK_FROM_HOLD.get(status, status))
    back = {rest} | ({Status.ABORTED} if rest in BEFORE_INGESTING else set())
    for target in set(Status) - back - {Status.ON_HOLD}:
        with pytest.raises(ForbiddenMove):
            client.move(held.taskID, target)
    client.move(held.taskID, rest)
    assert client.observation(held.taskID).my_status is rest


PRODUCT_WAYS = {
    "defined": [],
    "valid": ["valid"],
    "invalid": ["invalid"],
    "ingesting": ["valid", "ingesting"],
    "archived": ["valid", "ingesting", "archived"],
    "removed": ["valid", "ingesting", "archived", "removed"],
    "ingest error": ["valid", "ingesting", "ingest error"],
}


@pytest.mark.parametrize("status", sorted(ProductStatus))
@pytest.mark.parametrize("target", sorted(ProductStatus))
def test_a_product_follows_its_own_table(
    client: Client, observe: Observe, status: ProductStatus, target: ProductStatus
) -> None:
    task_id = observe(products=1).taskID
    name = f"{task_id}_0.fits"
    for step in PRODUCT_WAYS[status]:
        move = ProductMove(filename=name, new_status=ProductStatus(step), checksum="ab" * 32)
        client.move_products(task_id, [move])
    (before,) = client.dataproducts(taskID=task_id)
    if target in allowed_next_of_product(status):
        assert client.change_dataproduct(before.id, new_status=target).my_status is target
        (after,) = client.dataproducts(taskID=task_id)
        assert len(after.status_history) == len(before.status_history) + 1
    elif target is not status:
        with pytest.raises(ForbiddenMove):
            client.change_dataproduct(before.id, new_status=target)
        assert list(client.dataproducts(taskID=task_id)) == [before]


def test_every_status_can_be_reached() -> None:
    assert all(route_to(status) for status in set(Status) - {Status.DEFINED})
