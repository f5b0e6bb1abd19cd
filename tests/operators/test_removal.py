"""The products that a removal deletes, and the order of its steps."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import Action
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.data import removal, removal_reports
from operators.data.local_products import path_of
from operators.stages.remove import RemoveError
from tests.operators.conftest import Sql
from tests.operators.observations import Make, Observe, last, products_of, statuses
from tests.operators.removals import content, hidden


def near(product: DataProduct) -> dict[str, tuple[str, str]]:
    """Return the data locations and names by which another product has data with those of a MeasurementSet."""
    return {
        "contains": (f"wcudata1:/data//apertif/./{product.filename}/sub", "two words"),
        "is inside": ("wcudata1:/data/.", "apertif"),
        "is also": ("wcudata1:/data/apertif/", product.filename),
    }


@pytest.mark.parametrize("relation", ["contains", "is inside", "is also"])
def test_a_product_of_another_observation_in_the_same_place_keeps_the_data(
    client: Client, archived_one: Make, observe: Observe, remove: Any, sql: Sql, relation: str
) -> None:
    made = archived_one(".MS", data_location="wcudata1:/data/apertif")
    (product,) = products_of(client, made)
    path, other = path_of(product), observe()
    location, filename = near(product)[relation]
    client.create_dataproducts([NewDataProduct(taskID=other.taskID, filename="a name.fits")])
    sql(
        "update dataproducts set data_location = :location, filename = :filename where task_id = :task",
        location=location,
        filename=filename,
        task=other.taskID,
    )
    words = f"{relation} {filename}, a data product of {other.taskID}, with status defined"
    if relation == "is also":
        words = f"is also a data product of {other.taskID}, with status defined"
    with pytest.raises(RemoveError, match=words) as refused:
        remove(made)
    assert refused.value.code == ReasonCode.DATA_SHARED
    assert statuses(client, made) == ["archived"]
    assert content(path).keys() == {"table.dat", "sub/two words"}
    assert hidden(path) == []
    sql("update dataproducts set status = 'removed' where task_id = :task", task=other.taskID)
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]


@pytest.mark.parametrize("relation", ["contains", "is inside", "is also"])
@pytest.mark.parametrize("change", ["created", "moved", "no longer removed"])
def test_no_product_comes_to_the_place_of_another_one_until_that_is_reported(
    client: Client, archived_one: Make, observe: Observe, remove: Any, sql: Sql, monkeypatch: pytest.MonkeyPatch,
    relation: str, change: str,
) -> None:  # fmt: skip
    made = archived_one(".MS", data_location="wcudata1:/data/apertif")
    (product,) = products_of(client, made)
    location, filename = near(product)[relation]
    other = observe(data_location="wcudata1:/elsewhere")
    tried: list[str] = []
    if change != "created":
        client.create_dataproducts([NewDataProduct(taskID=other.taskID, filename=filename)])
    if change == "no longer removed":
        sql(
            "update dataproducts set status = 'removed', data_location = :location where task_id = :task",
            location=location,
            task=other.taskID,
        )

    def come() -> None:
        match change:
            case "created":
                client.create_dataproducts(
                    [NewDataProduct(taskID=other.taskID, filename=filename, data_location=location)]
                )
            case "moved":
                client.change_observation(other.id, data_location=location)
            case _:
                (back,) = products_of(client, other)
                client.change_dataproduct(back.id, new_status="defined", force=True, reason="it is back")

    def try_first(place: Any, name: str) -> None:
        function = getattr(place, name)

        def tried_first(*arguments: Any, **named: Any) -> Any:
            with pytest.raises(Conflict, match=rf"a data product of {made.taskID} with status archived"):
                come()
            tried.append(name)
            return function(*arguments, **named)

        monkeypatch.setattr(place, name, tried_first)

    try_first(removal, "rename_aside")
    try_first(removal, "delete_product")
    try_first(Client, "move_products")
    remove(made)
    assert tried == ["rename_aside", "delete_product", "move_products"]
    assert statuses(client, made) == ["removed"]
    come()
    assert client.neighbours(made.id) == []


def test_a_name_that_only_begins_like_a_product_is_not_inside_it(
    client: Client, archived_one: Make, observe: Observe, remove: Any
) -> None:
    made = archived_one(".MS", data_location="wcudata1:/data/apertif")
    (product,) = products_of(client, made)
    other = observe()
    for location in (
        f"wcudata1:/data/apertif/{product.filename}.old",
        f"arts001:/data/apertif/{product.filename}",
    ):
        client.create_dataproducts(
            [NewDataProduct(taskID=other.taskID, filename=f"{location[:4]}.fits", data_location=location)]
        )
    remove(made)
    assert statuses(client, made) == ["removed"]


def test_an_observation_without_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    paths = [path_of(product) for product in products_of(client, made)]
    sql("delete from dataproducts")
    with pytest.raises(RemoveError, match="has no data product in the archive"):
        remove(made)
    assert last(client, made)[0] == "remove error"
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("status", ["valid", "defined", "ingesting", "ingest error"])
def test_an_observation_that_was_called_archived_before_its_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql, status: str
) -> None:
    made = archived()
    first, *_ = products_of(client, made)
    sql("update dataproducts set status = :status where id = :id", status=status, id=first.id)
    with pytest.raises(RemoveError, match=f"1 of 3 data products are not archived.*which is {status}"):
        remove(made)
    assert has_code(last(client, made)[1], ReasonCode.NOT_ARCHIVED)
    assert all(path_of(product).exists() for product in products_of(client, made))
    assert list(client.receipts()) == []


def test_an_observation_with_only_invalid_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    sql("update dataproducts set status = 'invalid'")
    with pytest.raises(RemoveError, match="has no data product in the archive"):
        remove(made)
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_the_order_of_a_removal(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)
    seen: list[tuple[str, str, bool]] = []

    def watch(place: Any, name: str) -> None:
        function = getattr(place, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            seen.append((name, statuses(client, made)[0], any(path.parent.glob(f".{path.name}.*.removing"))))
            return function(*arguments, **named)

        monkeypatch.setattr(place, name, watched)

    for place, name in (
        (removal, "rename_aside"),
        (removal, "write_tombstone"),
        (removal, "delete_product"),
        (os, "rmdir"),
        (Client, "move_products"),
        (removal_reports, "forget"),
    ):
        watch(place, name)
    remove(made)
    assert seen == [
        ("rename_aside", "archived", False),
        ("write_tombstone", "archived", True),
        ("delete_product", "archived", True),
        ("rmdir", "archived", True),  # of the directory in the product
        ("rmdir", "archived", True),
        ("move_products", "archived", False),
        ("forget", "removed", False),
    ]


def test_the_tombstone_is_on_the_disk_before_anything_is_deleted(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".fits")
    (product,) = products_of(client, made)
    folder = path_of(product).parent
    calls: list[str] = []
    fsync, unlink, rename = os.fsync, os.unlink, os.rename

    def name_of(handle: int) -> str:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        return "the folder" if path == folder else "the tombstone" if ".atdb-removed" in path.name else path.name

    def record(name: str, function: Callable[..., None]) -> Callable[..., None]:
        def recorded(*arguments: Any, **named: Any) -> None:
            what = name_of(arguments[0]) if name == "fsync" else str(arguments[-1]).removeprefix(".")
            calls.append(f"{name} {what}" if name == "fsync" else name)
            function(*arguments, **named)

        return recorded

    for name, function in (("fsync", fsync), ("unlink", unlink), ("rename", rename)):
        monkeypatch.setattr(os, name, record(name, function))
    remove(made)
    assert calls == [
        "fsync the tombstone",
        "rename",
        "fsync the folder",
        "unlink",
        "fsync the folder",
        "unlink",  # the tombstone, after the report
    ]
