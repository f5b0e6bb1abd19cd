"""Every removal leaves a receipt, and no client can remove products that were never verified."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.errors import Conflict, Forbidden, ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import OWNER, set_products
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
P = ProductStatus
CHECKSUM = "ab" * 32
COPY = "file:///alta/imaging/260405001/a.MS"


@pytest.fixture
def operator(url: str) -> Iterator[Client]:
    with Client(url, user="operator", secret=SECRETS["operator"]) as opened:
        yield opened


@pytest.fixture
def archived(client: Client, observe: Observe) -> Observation:
    made = observe(Status.COMPLETING, products=2)
    validated = {"new_status": P.VALID, "size": 7, "checksum": CHECKSUM}
    work_on(client, made, Status.CHECKING, validated)
    client.move(made.taskID, Status.VALID, owner=OWNER)
    work_on(client, made, Status.INGESTING, {"new_status": P.INGESTING})
    work_on(client, made, Status.INGESTING, {"new_status": P.ARCHIVED, "archive_copy": COPY})
    client.move(made.taskID, Status.ARCHIVED, owner=OWNER)
    return made


def work_on(client: Client, made: Observation, status: Status, facts: dict[str, Any], *, number: int = 2) -> None:
    """State facts about the first products of an observation, as the owner of the work on it."""
    client.move(made.taskID, status, owner=OWNER, force=True, reason="tests")
    moves = [ProductMove(filename=product.filename, **facts) for product in products(client, made)[:number]]
    client.move_products(made.taskID, moves, owner=OWNER)


def products(client: Client, made: Observation) -> list[DataProduct]:
    return list(client.dataproducts(taskID=made.taskID))


def test_a_removal_leaves_a_receipt_that_never_changes(
    client: Client, archived: Observation, owner_url: str
) -> None:
    first, _ = products(client, archived)
    client.move(archived.taskID, Status.REMOVING, owner="remove/run 1")
    removed = ProductMove(filename=first.filename, new_status=ProductStatus.REMOVED)
    client.move_products(archived.taskID, [removed], owner="remove/run 1")
    client.move_products(archived.taskID, [removed], owner="remove/run 1")
    (receipt,) = client.receipts(taskID=archived.taskID)
    assert receipt.model_dump(exclude={"id", "timestamp"}) == {
        "taskID": archived.taskID,
        "dataproduct": first.filename,
        "data_location": first.data_location,
        "size": 7,
        "checksum": CHECKSUM,
        "archive_copy": COPY,
        "actor": "admin",
        "owner": "remove/run 1",
        "forced": False,
        "reason": "",
    }
    engine = create_engine(owner_url)
    for statement in ("update receipts set size = 0", "delete from receipts", "truncate receipts"):
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("status", [ProductStatus.VALID, ProductStatus.INVALID, ProductStatus.DEFINED])
def test_no_operator_can_remove_what_was_never_archived(
    client: Client, operator: Client, observe: Observe, status: ProductStatus
) -> None:
    made = observe(Status.COMPLETING, products=1)
    set_products(client, made.taskID, [status])
    (product,) = products(client, made)
    with pytest.raises(ForbiddenMove, match="no verified copy"):
        operator.change_dataproduct(product.id, new_status="removed", force=True, reason="disk full")
    assert products(client, made)[0].my_status is status
    assert list(client.receipts()) == []


def test_an_archived_product_without_a_checksum_is_not_removed(
    client: Client, observe: Observe, owner_url: str
) -> None:
    made = observe(Status.ARCHIVED, products=1)
    engine = create_engine(owner_url)
    with engine.begin() as connection:  # as an earlier version may have left it
        connection.execute(text("update dataproducts set checksum = null"))
    engine.dispose()
    with pytest.raises(ForbiddenMove, match="no verified copy"):
        work_on(client, made, Status.REMOVING, {"new_status": P.REMOVED})


def test_only_an_admin_lets_one_unverified_product_go_and_the_receipt_says_why(
    client: Client, operator: Client, observe: Observe
) -> None:
    made = observe(Status.VALID, products=2)
    first, second = products(client, made)
    with pytest.raises(Forbidden):
        operator.force_removal(first.id, "disk full")
    forced = client.force_removal(first.id, "the dish was parked")
    assert (forced.removal_forced_by, forced.removal_forced_reason) == ("admin", "the dish was parked")
    assert list(client.changes(dataproduct=first.filename))[-1].reason == "the dish was parked"
    work_on(client, made, Status.REMOVING, {"new_status": P.REMOVED}, number=1)
    (receipt,) = client.receipts()
    assert (receipt.forced, receipt.reason) == (True, "forced by admin: the dish was parked")
    assert products(client, made)[0].status_history[-1].forced
    with pytest.raises(ForbiddenMove):
        operator.change_dataproduct(second.id, new_status="removed", force=True, reason="this one too")
    with pytest.raises(Conflict):
        client.force_removal(first.id, "again")


def test_a_removal_is_not_forced_while_the_product_is_being_copied(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID, products=1)
    client.move(made.taskID, Status.INGESTING, owner=OWNER)
    (product,) = products(client, made)
    copying = ProductMove(filename=product.filename, new_status=P.INGESTING)
    client.move_products(made.taskID, [copying], owner=OWNER)
    with pytest.raises(Conflict, match="because it is ingesting"):
        client.force_removal(product.id, "disk full")
    assert products(client, made)[0].removal_forced_by is None
