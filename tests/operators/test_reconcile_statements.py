"""The statuses of observations, compared with their data products and the receipts."""

import pytest

from atdb_interface.client import Client
from tests.operators.conftest import Sql
from tests.operators.data_passes import Look
from tests.operators.observations import Make, products_of


@pytest.mark.parametrize("status", ["valid", "completed", "archived"])
def test_a_status_that_a_product_contradicts_is_reported_once(
    client: Client, look: Look, archived: Make, sql: Sql, status: str
) -> None:
    made = archived()
    _, product, _ = products_of(client, made)
    sql("update observations set status = :status", status=status)
    sql("update dataproducts set status = 'defined' where id = :id", id=product.id)
    assert look() == [
        f"{made.taskID} is {status}, but 1 of its 3 data products contradict it, such as {product.filename}, "
        "which is defined"
    ]
    assert look() == []


def test_an_observation_that_is_called_removed_before_its_products_is_reported(
    client: Client, look: Look, archived: Make, sql: Sql
) -> None:
    made = archived()
    sql("update observations set status = 'removed'")
    first, *_ = products_of(client, made)
    assert look() == [
        f"{made.taskID} is removed, but 3 of its 3 data products contradict it, such as {first.filename}, "
        "which is archived"
    ]


def test_a_removed_product_without_a_receipt_is_reported(
    client: Client, look: Look, archived: Make, removed: Make, sql: Sql
) -> None:
    removed()
    assert look() == []
    made = archived()
    for product in products_of(client, made):
        sql("update dataproducts set status = 'removed' where id = :id", id=product.id)
    sql("update observations set status = 'removed' where task_id = :task", task=made.taskID)
    found = look()
    for product in products_of(client, made):
        assert f"{product.filename} is removed, but ATDB has no receipt of its removal" in found
        assert f"{product.filename} is removed, but still on its data host" in found
    assert len(found) == 6


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("delete from dataproducts", "it has no data products"),
        ("update dataproducts set status = 'invalid'", "it has 3 data products, and none is valid"),
    ],
)
def test_a_statement_about_no_data_is_reported(
    look: Look, archived: Make, sql: Sql, statement: str, words: str
) -> None:
    made = archived()
    sql(statement)
    assert look() == [f"{made.taskID} is archived, but {words}"]
