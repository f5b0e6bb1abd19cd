"""What products derive from their observation follows its edits, or the edits are refused."""

from collections.abc import Callable

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import Conflict
from atdb_interface.expected_products import expected_products
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import advance, set_products
from tests.conftest import route_to

Observe = Callable[..., Observation]
Specify = Callable[..., Observation]
P, S = ProductStatus, Status
PULSAR = {"observing_mode": "arts_sc1_timing", "options": {"ndps": 2}}


@pytest.fixture
def specify(client: Client, observe: Observe) -> Specify:
    """Create an observation and its products as specify does, and move it to a status."""

    def make(status: Status = S.SCHEDULED, **fields: object) -> Observation:
        made = observe(**fields)
        client.create_dataproducts(expected_products(made))
        advance(client, made.taskID, route_to(status))
        return client.observation(made.taskID)

    return make


def names(client: Client, made: Observation) -> list[str]:
    return [product.filename for product in client.dataproducts(taskID=made.taskID, ordering="filename")]


@pytest.mark.parametrize("status", [S.SCHEDULED, S.ERROR_NO_COMPLETING, S.COMPLETING, S.ON_HOLD])
def test_defined_products_follow_their_data_location(client: Client, specify: Specify, status: Status) -> None:
    made = specify(status, **PULSAR)
    client.create_dataproducts(
        [NewDataProduct(taskID=made.taskID, filename="own.fits", data_location="arts041:/data", node="arts041")]
    )
    client.change_observation(made.id, data_location="arts002:/data/02", node="arts002", reason="disk full")
    places = {p.filename: (p.data_location, p.node) for p in client.dataproducts(taskID=made.taskID)}
    assert places == {
        f"ARTS{made.taskID}_000.fits": ("arts002:/data/02", "arts002"),
        f"ARTS{made.taskID}_001.fits": ("arts002:/data/02", "arts002"),
        "own.fits": ("arts041:/data", "arts041"),
    }
    edit = list(client.changes(dataproduct=f"ARTS{made.taskID}_000.fits"))[-1]
    assert edit.fields["data_location"] == ("arts001:/data", "arts002:/data/02")
    assert (edit.reason, edit.actor) == ("disk full", "admin")


@pytest.mark.parametrize("status", [P.VALID, P.INVALID, P.INGEST_ERROR, P.ARCHIVED, P.REMOVED])
def test_the_data_location_stays_once_a_product_is_not_defined(
    client: Client, specify: Specify, status: ProductStatus
) -> None:
    made = specify(S.COMPLETING, **PULSAR)
    set_products(client, made.taskID, [P.DEFINED, status])
    before = client.observation(made.taskID), list(client.dataproducts(taskID=made.taskID))
    with pytest.raises(Conflict, match=f"_001.fits is {status}"):
        client.change_observation(made.id, data_location="arts002:/data", priority=5)
    assert (client.observation(made.taskID), list(client.dataproducts(taskID=made.taskID))) == before
    client.change_observation(made.id, priority=5, node="arts002", name="other")


@pytest.mark.parametrize("status", [S.STARTING, S.RUNNING])
def test_the_data_location_stays_while_the_telescope_writes(
    client: Client, specify: Specify, status: Status
) -> None:
    made = specify(status, **PULSAR)
    with pytest.raises(Conflict, match="the telescope writes"):
        client.change_observation(made.id, data_location="arts002:/data")


def test_a_new_data_location_can_be_taken(client: Client, specify: Specify) -> None:
    made, other = specify(**PULSAR), specify()
    place = f"arts002:/data/ARTS{made.taskID}_000.fits"
    client.create_dataproducts([NewDataProduct(taskID=other.taskID, filename="a", data_location=place)])
    with pytest.raises(Conflict, match="is above that of"):
        client.change_observation(made.id, data_location="arts002:/data")
    client.change_observation(made.id, data_location="arts001:/data//")  # the places that it has already
    assert {product.data_location for product in client.dataproducts(taskID=made.taskID)} == {"arts001:/data//"}


def test_the_products_follow_the_specification_until_the_start(client: Client, specify: Specify) -> None:
    made = specify(**PULSAR)
    (own,) = client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="own.fits")])
    two = [f"ARTS{made.taskID}_{n:03d}.fits" for n in range(2)]
    assert names(client, made) == [*two, "own.fits"]
    client.change_observation(made.id, options={"ndps": 3}, data_location="arts002:/data", reason="third band")
    assert names(client, made) == [*two, f"ARTS{made.taskID}_002.fits", "own.fits"]
    assert {product.data_location for product in client.dataproducts(taskID=made.taskID)} == {"arts002:/data"}
    client.change_observation(made.id, options={}, reason="one band")
    assert names(client, made) == [f"ARTS{made.taskID}.fits", "own.fits"]
    assert client.dataproduct(own.id).my_status is P.DEFINED
    deleted = client.changes(taskID=made.taskID, action="deleted")
    assert [change.dataproduct for change in deleted] == [*two, f"ARTS{made.taskID}_002.fits"]


def test_the_tied_array_beams_follow_the_science_mode(client: Client, specify: Specify) -> None:
    made = specify(observing_mode="arts_sc4_survey", science_mode="IAB")
    assert len(names(client, made)) == 40
    client.change_observation(made.id, science_mode="TAB")
    assert len(names(client, made)) == 480
    assert names(client, made)[0] == f"ARTS{made.taskID}_CB00_TAB01.fits"


@pytest.mark.parametrize("status", [S.STARTING, S.RUNNING, S.COMPLETING, S.INCOMPLETE])
def test_the_number_of_products_stays_after_the_start(client: Client, specify: Specify, status: Status) -> None:
    made = specify(status, **PULSAR)
    with pytest.raises(Conflict, match="data products"):
        client.change_observation(made.id, options={"ndps": 3})
    assert (
        client.change_observation(made.id, options={"ndps": 2, "process_triggers": "no"}).options[
            "process_triggers"
        ]
        == "no"
    )
    assert len(names(client, made)) == 2


def test_the_number_of_products_stays_if_one_is_not_defined(client: Client, specify: Specify) -> None:
    made = specify(**PULSAR)
    product = next(client.dataproducts(taskID=made.taskID))
    client.change_dataproduct(product.id, new_status=P.INVALID, force=True, reason="tests")
    with pytest.raises(Conflict, match="is invalid"):
        client.change_observation(made.id, options={"ndps": 3})
    assert client.observation(made.taskID).options == {"ndps": 2}


def test_before_specify_nothing_is_created(client: Client, observe: Observe) -> None:
    made = observe(**PULSAR)
    client.change_observation(made.id, options={"ndps": 5}, data_location="arts002:/data")
    assert client.count_dataproducts() == 0


def test_a_product_that_an_operator_deleted_stays_deleted(client: Client, specify: Specify) -> None:
    made = specify(**PULSAR)
    client.delete_dataproduct(next(client.dataproducts(taskID=made.taskID)).id)
    client.change_observation(made.id, options={"ndps": 3})
    assert names(client, made) == [f"ARTS{made.taskID}_001.fits"]
