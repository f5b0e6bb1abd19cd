"""What is announced of a data product stays beside what validation finds, and only operators can correct it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct, ProductMove
from atdb_interface.errors import Conflict, Forbidden
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import CHECKSUM, OWNER, set_products
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
P = ProductStatus
ANNOUNCED = "ef" * 32


@pytest.fixture
def announced(client: Client, observe: Observe) -> DataProduct:
    made = observe(Status.COMPLETING)
    new = NewDataProduct(taskID=made.taskID, filename="a.MS", size=28_800, checksum=ANNOUNCED)
    (product,) = client.create_dataproducts([new])
    return product


def values(product: DataProduct) -> tuple[object, ...]:
    return product.size, product.checksum, product.announced_size, product.announced_checksum


def test_until_validation_a_product_shows_what_was_announced(client: Client, announced: DataProduct) -> None:
    assert values(announced) == (28_800, ANNOUNCED, 28_800, ANNOUNCED)
    client.move(announced.taskID, Status.CHECKING, owner=OWNER)
    moves = [
        ProductMove(
            filename="a.MS",
            new_status=ProductStatus.VALID,
            size=1000,
            checksum=CHECKSUM,
            identity="12" * 32,
            disk="3f0b9a4e-7c7d-4b7e-9d55-0d7b1a0e4c11",
        )
    ]
    client.move_products(announced.taskID, moves, owner=OWNER)
    product = client.dataproduct(announced.id)
    assert values(product) == (1000, CHECKSUM, 28_800, ANNOUNCED)
    assert (product.identity, product.disk) == ("12" * 32, "3f0b9a4e-7c7d-4b7e-9d55-0d7b1a0e4c11")
    assert client.count_dataproducts(identity="12" * 32, announced_size__gt=1000) == 1


def test_an_operator_corrects_and_withdraws_an_announcement(client: Client, announced: DataProduct) -> None:
    corrected = client.change_dataproduct(announced.id, announced_size=1000, reason="a typing error")
    assert values(corrected) == (1000, ANNOUNCED, 1000, ANNOUNCED)
    withdrawn = client.change_dataproduct(announced.id, announced_size=None, announced_checksum=None)
    assert values(withdrawn) == (None, None, None, None)
    edit = next(iter(client.changes(dataproduct="a.MS")))
    assert (edit.fields["announced_size"], edit.reason) == ((28_800, 1000), "a typing error")


def test_after_validation_an_announcement_does_not_change_what_was_found(
    client: Client, announced: DataProduct
) -> None:
    set_products(client, announced.taskID, [P.VALID])
    before = client.dataproduct(announced.id)
    changed = client.change_dataproduct(announced.id, announced_size=5)
    assert values(changed) == (before.size, CHECKSUM, 5, ANNOUNCED)


@pytest.mark.parametrize("status", [P.ARCHIVED, P.REMOVED])
def test_an_announcement_stays_once_the_archive_has_the_product(
    client: Client, announced: DataProduct, status: ProductStatus
) -> None:
    set_products(client, announced.taskID, [status])
    with pytest.raises(Conflict, match=f"because it is {status}"):
        client.change_dataproduct(announced.id, announced_size=5)
    assert client.dataproduct(announced.id).announced_size == 28_800


@pytest.mark.parametrize("field", [{"announced_size": 5}, {"announced_checksum": None}])
def test_a_service_cannot_change_an_announcement(url: str, announced: DataProduct, field: dict[str, Any]) -> None:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as service:
        with pytest.raises(Forbidden, match="operator"):
            service.change_dataproduct(announced.id, **field)
        with pytest.raises(Forbidden, match="operator"):
            service.move_products(announced.taskID, [ProductMove(filename="a.MS", **field)])


@pytest.mark.parametrize("fields", [{"size": -1}, {"checksum": "AB" * 32}, {"checksum": "ab"}, {"identity": "1"}])
def test_an_announcement_must_be_readable(url: str, observe: Observe, fields: dict[str, object]) -> None:
    new = {"taskID": observe().taskID, "filename": "a.MS", **fields}
    answer = httpx.post(f"{url}/atdb/dataproducts/", json=new, auth=("pipeline", SECRETS["pipeline"]))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, next(iter(fields)))
