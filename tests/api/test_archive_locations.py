"""ATDB assigns the locations in the archive: unique, inside the archive, and never inside another product's."""

from collections.abc import Callable

import pytest

from atdb_interface.archive_locations import archive_folder
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import BadRequest
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import set_products

Observe = Callable[..., Observation]
P = ProductStatus


def locations(client: Client, made: Observation) -> list[str | None]:
    return [product.archive_location for product in client.dataproducts(taskID=made.taskID)]


@pytest.mark.parametrize(
    ("collection", "folder"),
    [
        (None, "imaging"),
        ("arts_main/arts_sc1", "arts_main/arts_sc1"),
        ("/altaZone/archive/apertif_main/", "altaZone/archive/apertif_main"),
        ("café/1904050", "café/1904050"),
        ("", "imaging"),
        ("/", "imaging"),
        ("a//b", "imaging"),
        ("a/./b", "imaging"),
        ("a/.hidden", "imaging"),
        ("imaging/190405034", "imaging"),
        ("190405034", "imaging"),
        ("1904051000/a.MS", "imaging"),
        ("imaging/manifest.json", "imaging"),
        ("imaging/.a.MS.0123456789ab.part", "imaging"),
        ("imaging/a.part", "imaging"),
        ("é" * 128, "imaging"),
    ],
)
def test_the_collection_of_a_location_is_plain(
    client: Client, observe: Observe, collection: str | None, folder: str
) -> None:
    made = observe(irods_collection=collection, products=2)
    assert locations(client, made) == [f"{folder}/{made.taskID}/{made.taskID}_{n}.fits" for n in range(2)]
    assert made.irods_collection == collection


def test_a_mode_that_leads_elsewhere_does_not_leave_the_archive(client: Client, observe: Observe) -> None:
    with pytest.raises(BadRequest, match="observing_mode"):
        observe(observing_mode="arts_sc1_/../../../../x")
    made = observe(observing_mode="arts_sc1_timing", products=1)
    assert locations(client, made) == [f"arts_sc1_timing/{made.taskID}/{made.taskID}_0.fits"]
    # Earlier versions accepted such modes.
    stored = made.model_copy(update={"observing_mode": "arts_sc1_/../../../../x"})
    assert archive_folder(stored) == f"arts_sc1/{made.taskID}"


def test_no_location_is_inside_that_of_another_task(client: Client, observe: Observe) -> None:
    first = observe(products=1)
    (taken,) = locations(client, first)
    assert taken
    for collection in (taken, taken.rpartition("/")[0], f"{taken}/deep", f"imaging/{first.taskID}/manifest.json"):
        (location,) = locations(client, observe(irods_collection=collection, products=1))
        assert location
        assert not location.startswith(f"imaging/{first.taskID}/")


def test_locations_follow_edits_until_the_archive_may_hold_something(client: Client, observe: Observe) -> None:
    made = observe(Status.COMPLETING, products=2)
    names = [f"{made.taskID}_{n}.fits" for n in range(2)]
    client.change_observation(made.id, irods_collection="a")
    assert locations(client, made) == [f"a/{made.taskID}/{name}" for name in names]
    set_products(client, made.taskID, [P.VALID, P.INVALID])
    client.change_observation(made.id, irods_collection="b")
    assert locations(client, made) == [f"b/{made.taskID}/{name}" for name in names]
    client.move(made.taskID, Status.VALID, force=True, reason="tests")
    client.move(made.taskID, Status.INGESTING)
    client.change_observation(made.id, irods_collection="c")
    assert locations(client, made) == [f"b/{made.taskID}/{name}" for name in names]


@pytest.mark.parametrize("status", [P.INGEST_ERROR, P.ARCHIVED, P.REMOVED])
def test_the_stored_location_stays_for_all_products(
    client: Client, observe: Observe, status: ProductStatus
) -> None:
    made = observe(Status.COMPLETING, products=2)
    set_products(client, made.taskID, [P.VALID, status])
    before = locations(client, made)
    changed = client.change_observation(made.id, irods_collection="elsewhere")
    assert changed.irods_collection == "elsewhere"
    assert locations(client, made) == before
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="late.fits")])
    assert locations(client, made) == [*before, f"imaging/{made.taskID}/late.fits"]


def test_no_client_sets_a_location(client: Client, observe: Observe) -> None:
    made = observe(products=1)
    with pytest.raises(ValueError, match="archive_location"):
        NewDataProduct.model_validate({"taskID": made.taskID, "filename": "a", "archive_location": "b"})
    assert client.count_dataproducts(archive_location=f"imaging/{made.taskID}/{made.taskID}_0.fits") == 1
