"""Each data product has its own place on the data hosts, and none is inside another one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
HERE = "wcudata1:/data/apertif"


def add(client: Client, made: Observation, *places: str) -> None:
    """Create products at these places, such as `wcudata1:/data/a.MS`."""
    client.create_dataproducts(
        [
            NewDataProduct(taskID=made.taskID, data_location=f"{directory}/", filename=name)
            for directory, _, name in (place.rpartition("/") for place in places)
        ]
    )


@pytest.mark.parametrize(
    ("place", "relation"),
    [
        (f"{HERE}/a.MS", "is"),
        (f"{HERE}//a.MS", "is"),
        ("wcudata1:/data/./apertif/a.MS", "is"),
        ("wcudata1:/./data//apertif/.//a.MS", "is"),
        (f"{HERE}/a.MS/b.fits", "is inside"),
        (f"{HERE}/a.MS/deep/deeper/b.fits", "is inside"),
        (f"{HERE}/./a.MS//b.fits", "is inside"),
        ("wcudata1:/data/apertif", "is above"),
        ("wcudata1:/data", "is above"),
    ],
)
@pytest.mark.parametrize("of_another", [True, False])
def test_a_place_that_is_taken_or_nested_is_refused(
    client: Client, observe: Observe, place: str, relation: str, of_another: bool
) -> None:
    made = observe(Status.RUNNING)
    add(client, made, f"{HERE}/a.MS")
    other = observe() if of_another else made
    # An observation has each file name once, so an equal place is refused for that reason.
    place_is_taken = f"{relation} that of {HERE}/a.MS, .* {made.taskID} with status defined"
    refusal = "already has a data product" if other is made and place.endswith("a.MS") else place_is_taken
    with pytest.raises(Conflict, match=refusal) as it:
        add(client, other, "wcudata1:/other/fine.MS", place)
    assert it.value.extra["taskID"] == made.taskID
    assert client.count_dataproducts() == 1


@pytest.mark.parametrize(
    "place",
    [
        "wcudata2:/data/apertif/a.MS",
        f"{HERE}/a.M",
        f"{HERE}/a.MS2",
        f"{HERE}/a.MS0/b.fits",
        f"{HERE}/a.MS-b/b.fits",
        "wcudata1:/data/apertif2/a.MS",
        "wcudata1:/data/aper",
        "wcudata1:/a.MS",
    ],
)
def test_a_place_beside_is_free(client: Client, observe: Observe, place: str) -> None:
    add(client, observe(), f"{HERE}/a.MS")
    add(client, observe(), place)
    assert client.count_dataproducts() == 2


@pytest.mark.parametrize("places", [("a.MS", "a.MS/b/c.fits"), ("a.MS/b/c.fits", "a.MS")])
def test_products_of_one_request_cannot_be_nested(
    client: Client, observe: Observe, places: tuple[str, str]
) -> None:
    with pytest.raises(Conflict, match=r"c\.fits of a data product is inside another one, wcudata1:/data/a\.MS"):
        add(client, observe(), *(f"wcudata1:/data/{place}" for place in places))
    assert client.count_dataproducts() == 0


def test_two_observations_of_one_request_cannot_share_a_place(client: Client, observe: Observe) -> None:
    new = [
        NewDataProduct(taskID=made.taskID, data_location=place, filename="a.MS")
        for made, place in ((observe(), "wcudata1:/data"), (observe(), "wcudata1:/data/"))
    ]
    with pytest.raises(Conflict, match=r"would have the same place wcudata1:/data/a\.MS"):
        client.create_dataproducts(new)


def test_a_removed_product_takes_no_place(client: Client, observe: Observe) -> None:
    made = observe(Status.REMOVED, products=1)
    name = f"{made.taskID}_0.fits"
    add(client, observe(), f"{made.data_location}/{name}")
    with pytest.raises(Conflict, match="with status defined"):
        add(client, observe(), f"{made.data_location}/{name}")


def test_long_paths_are_compared_whole(client: Client, observe: Observe) -> None:
    deep = "wcudata1:" + "/directory" * 90
    add(client, observe(), f"{deep}/a/x.MS")
    add(client, observe(), f"{deep}/b/x.MS", f"{deep}/a/y.MS")
    for place in (f"{deep}/a/x.MS", f"{deep}/a", f"{deep}/a/x.MS/y.fits", "wcudata1:/directory"):
        with pytest.raises(Conflict):
            add(client, observe(), place)
    assert client.count_dataproducts() == 3


def test_the_percent_sign_and_the_underscore_are_plain_characters(client: Client, observe: Observe) -> None:
    add(client, observe(), "wcudata1:/data/aXb/c.MS")
    add(client, observe(), "wcudata1:/data/a_b", "wcudata1:/data/a%")
    with pytest.raises(Conflict):
        add(client, observe(), "wcudata1:/data/aXb")


def test_of_two_that_take_a_place_at_once_one_is_refused(url: str, client: Client, observe: Observe) -> None:
    made = [observe() for _ in range(8)]

    def take(number: int) -> bool:
        with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as own:
            try:
                add(own, made[number], f"{HERE}/a.MS" if number % 2 else f"{HERE}/a.MS/b/c.fits")
            except Conflict:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1
