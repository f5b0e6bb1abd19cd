"""All pairs of statuses, tried over HTTP."""

from collections.abc import Callable

import pytest

from atdb_interface.client import Client
from atdb_interface.errors import ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status, allowed_next
from atdb_interface.observations import Observation
from atdb_interface.product_lifecycle import allowed_next_of_product
from standalone.rehearsal import reference_lifecycle
from tests.advancing import advance
from tests.conftest import route_to

Observe = Callable[..., Observation]

# The judge of the rehearsal has the facts of the domain by hand: the tested table is not compared with itself.
NORMAL_ROUTE = "defined|scheduled|starting|running|completing|checking|valid|ingesting|archived|removing|removed"


def allowed(status: str) -> set[str]:
    return reference_lifecycle.NEXT.get(status, set())


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
    rest = Status(reference_lifecycle.BACK_FROM_HOLD.get(status, status))
    back = {rest} | ({Status.ABORTED} if "aborted" in allowed(rest) else set())
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
#: The status in which the owner of a stage sets each status of a product.
WORK = {
    "valid": Status.CHECKING,
    "invalid": Status.CHECKING,
    "ingesting": Status.INGESTING,
    "archived": Status.INGESTING,
    "ingest error": Status.INGESTING,
    "removed": Status.REMOVING,
}


@pytest.mark.parametrize("status", sorted(ProductStatus))
@pytest.mark.parametrize("target", sorted(ProductStatus))
def test_a_product_follows_its_own_table(
    client: Client, observe: Observe, status: ProductStatus, target: ProductStatus
) -> None:
    task_id = observe(products=1).taskID
    (product,) = client.dataproducts(taskID=task_id)

    def set_status(step: str) -> ProductStatus:
        client.move(task_id, WORK[step], owner="tests/1", force=True, reason="tests")
        changed = client.change_dataproduct(
            product.id, new_status=step, owner="tests/1", **({"checksum": "ab" * 32} if step == "valid" else {})
        )
        return changed.my_status

    for step in PRODUCT_WAYS[status]:
        set_status(step)
    before = client.dataproduct(product.id)
    if target in allowed_next_of_product(status):
        assert set_status(target) is target
        assert len(client.dataproduct(product.id).status_history) == len(before.status_history) + 1
    elif target is not status:
        with pytest.raises(ForbiddenMove):
            client.change_dataproduct(before.id, new_status=target, owner="tests/1")
        assert client.dataproduct(product.id) == before


def test_every_status_can_be_reached() -> None:
    assert all(route_to(status) for status in set(Status) - {Status.DEFINED})
