"""A status that states something about data is refused unless every data product supports it."""

from collections.abc import Callable

import pytest

from atdb_interface.actions import Action
from atdb_interface.bulk import ObservationBulk
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.errors import Conflict, ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation, ObservationChange
from tests.advancing import OWNER, advance, set_products

Observe = Callable[..., Observation]
P, S = ProductStatus, Status

#: The statuses of products that support each status, repeated here on purpose.
SUPPORT = {
    S.VALID: {P.VALID, P.INVALID, P.INGEST_ERROR, P.ARCHIVED, P.REMOVED},
    S.COMPLETED: {P.VALID, P.INVALID, P.INGEST_ERROR, P.ARCHIVED, P.REMOVED},
    S.ARCHIVED: {P.INVALID, P.ARCHIVED, P.REMOVED},
    S.REMOVED: {P.INVALID, P.REMOVED},
}
SETTABLE = sorted(set(P) - {P.INGESTING})


@pytest.mark.parametrize("target", sorted(SUPPORT))
@pytest.mark.parametrize("status", SETTABLE)
def test_each_product_must_support_the_status(
    client: Client, observe: Observe, target: Status, status: ProductStatus
) -> None:
    made = observe(S.COMPLETING, products=3)
    best = P.REMOVED if target is S.REMOVED else P.ARCHIVED
    set_products(client, made.taskID, [best, status, best])
    before = client.observation(made.taskID)
    if status in SUPPORT[target]:
        client.move(made.taskID, target, force=True, reason="tests")
        assert client.observation(made.taskID).my_status is target
        return
    with pytest.raises(ForbiddenMove) as refusal:
        client.move(made.taskID, target, force=True, reason="tests")
    assert f"1 of 3 data products do not support it. The first is {made.taskID}_1.fits, which is {status}" in str(
        refusal.value
    )
    assert client.observation(made.taskID) == before


@pytest.mark.parametrize("target", sorted(SUPPORT))
def test_an_observation_without_data_products_states_nothing(
    client: Client, observe: Observe, target: Status
) -> None:
    made = observe(S.CHECKING)
    with pytest.raises(ForbiddenMove, match="it has no data products"):
        client.move(made.taskID, target, force=True, reason="tests")


@pytest.mark.parametrize("target", sorted(SUPPORT))
def test_an_observation_whose_products_are_all_invalid_states_nothing(
    client: Client, observe: Observe, target: Status
) -> None:
    made = observe(S.COMPLETING, products=2)
    set_products(client, made.taskID, [P.INVALID, P.INVALID])
    with pytest.raises(ForbiddenMove, match="it has 2 data products, and none is valid"):
        client.change_observation(made.id, new_status=target, force=True, reason="tests")


def test_a_client_that_has_read_one_page_of_the_products_is_refused(client: Client, observe: Observe) -> None:
    made = observe(S.COMPLETING, products=150)
    client.move(made.taskID, S.CHECKING, owner=OWNER)
    names = [product.filename for product in client.dataproducts(taskID=made.taskID)]
    read = [ProductMove(filename=name, new_status=P.VALID, checksum="ab" * 32) for name in names[:100]]
    client.move_products(made.taskID, read, owner=OWNER)
    with pytest.raises(ForbiddenMove, match=r"50 of 150 data products do not support it\. .* which is defined"):
        client.move(made.taskID, S.VALID, owner=OWNER)
    assert client.observation(made.taskID).my_status is S.CHECKING


def test_an_observation_cannot_be_archived_before_its_products(client: Client, observe: Observe) -> None:
    made = observe(S.VALID, products=2)
    client.move(made.taskID, S.INGESTING, owner=OWNER)
    names = [f"{made.taskID}_{n}.fits" for n in range(2)]
    for status, some in ((P.INGESTING, names), (P.ARCHIVED, names[:1])):
        client.move_products(made.taskID, [ProductMove(filename=n, new_status=status) for n in some], owner=OWNER)
    with pytest.raises(ForbiddenMove, match=f"1 of 2 .* The first is {names[1]}, which is ingesting"):
        client.move(made.taskID, S.ARCHIVED, owner=OWNER)
    assert [product.my_status for product in client.dataproducts(taskID=made.taskID)] == ["archived", "ingesting"]
    client.move_products(made.taskID, [ProductMove(filename=names[1], new_status=P.ARCHIVED)], owner=OWNER)
    client.move(made.taskID, S.ARCHIVED, owner=OWNER)


def test_a_bulk_change_refuses_those_that_do_not_support_it(client: Client, observe: Observe) -> None:
    empty, full = observe(S.CHECKING), observe(S.COMPLETING, products=2)
    client.move(empty.taskID, S.INCOMPLETE)
    set_products(client, full.taskID, [P.VALID, P.INVALID])
    client.move(full.taskID, S.INCOMPLETE, force=True, reason="tests")
    ask = ObservationBulk(
        filters={"my_status": "incomplete"}, change=ObservationChange(action=Action.INGEST, priority=5)
    )
    preview = client.preview_observations(ask)
    assert [(item.taskID, item.verdict) for item in preview.results] == [
        (empty.taskID, "refused"),
        (full.taskID, "changed"),
    ]
    client.change_observations(ask, preview.token)
    assert [(o.my_status, o.priority) for o in client.observations(ordering="starttime")] == [
        (S.INCOMPLETE, 0),
        (S.VALID, 5),
    ]


def test_a_product_cannot_contradict_its_observation(client: Client, observe: Observe) -> None:
    made = observe(S.ARCHIVED, products=2)
    first, second = client.dataproducts(taskID=made.taskID)
    for status in (P.VALID, P.DEFINED, P.INGEST_ERROR):
        with pytest.raises(ForbiddenMove, match=f"{made.taskID} is archived"):
            client.change_dataproduct(first.id, new_status=status, force=True, reason="tests")
    client.change_dataproduct(first.id, new_status=P.INVALID, force=True, reason="damaged")
    with pytest.raises(ForbiddenMove, match=f"{made.taskID} is archived"):  # then no product would be archived
        client.change_dataproduct(second.id, new_status=P.INVALID, force=True, reason="damaged")
    assert [product.my_status for product in client.dataproducts(taskID=made.taskID)] == ["invalid", "archived"]


@pytest.mark.parametrize("status", [S.VALID, S.COMPLETED, S.INGESTING, S.ARCHIVED, S.REMOVING, S.REMOVED])
def test_no_product_is_added_to_what_is_complete(client: Client, observe: Observe, status: Status) -> None:
    made = observe(status, products=1)
    late = NewDataProduct(taskID=made.taskID, filename="late.fits")
    with pytest.raises(Conflict, match=f"because it is {status}"):
        client.create_dataproducts([late])
    if status is not S.REMOVED:
        client.act(made.taskID, Action.HOLD)
        with pytest.raises(Conflict, match="because it is on hold"):
            client.create_dataproducts([late])
    assert client.count_dataproducts() == 1


@pytest.mark.parametrize("status", [S.DEFINED, S.RUNNING, S.COMPLETING, S.CHECKING, S.INCOMPLETE, S.INGEST_ERROR])
def test_a_product_is_added_until_then(client: Client, observe: Observe, status: Status) -> None:
    made = observe(status, products=1)
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="late.fits")])
    assert client.count_dataproducts() == 2


@pytest.mark.parametrize("status", [S.ARCHIVED, S.REMOVE_ERROR])
@pytest.mark.parametrize(
    ("action", "then"), [(Action.CHECK, ["archived", "archived"]), (Action.INGEST, ["valid", "valid"])]
)
def test_check_leaves_products_archived_and_ingest_copies_them_again(
    client: Client, observe: Observe, status: Status, action: Action, then: list[str]
) -> None:
    made = observe(status, products=2)
    assert client.act(made.taskID, action, reason="flagged in place").my_status is S.COMPLETING
    assert [product.my_status for product in client.dataproducts(taskID=made.taskID)] == then
    advance(client, made.taskID, [S.CHECKING])
    client.move(made.taskID, S.VALID)


def test_what_was_checked_again_can_have_changed_or_be_invalid(client: Client, observe: Observe) -> None:
    made = observe(S.ARCHIVED, products=3)
    client.act(made.taskID, Action.CHECK)
    client.move(made.taskID, S.CHECKING, owner=OWNER)
    changed = ProductMove(filename=f"{made.taskID}_0.fits", new_status=P.VALID, checksum="cd" * 32)
    lost = ProductMove(filename=f"{made.taskID}_1.fits", new_status=P.INVALID)
    client.move_products(made.taskID, [changed, lost], owner=OWNER)
    client.move(made.taskID, S.VALID, owner=OWNER)
    assert [product.my_status for product in client.dataproducts(taskID=made.taskID)] == [
        "valid",
        "invalid",
        "archived",
    ]
