"""The data products of each mode, with the names that the domain gives them."""

from collections.abc import Callable

import pytest

from atdb_interface.errors import BadRequest
from atdb_interface.expected_products import expected_products
from atdb_interface.instruments import instrument
from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.instruments.apertif.products import TYPES
from atdb_interface.observations import Observation
from standalone.simulator.order import Order

Observe = Callable[..., Observation]


def expected_filenames(made: Observation) -> list[str]:
    return [product.filename for product in instrument().products(made)]


@pytest.mark.parametrize("mode", ["imaging", "imaging_pointing"])
def test_imaging_writes_a_measurement_set_a_beam(observe: Observe, mode: str) -> None:
    made = observe(observing_mode=mode)
    names = expected_filenames(made)
    assert len(set(names)) == len(names) == 40
    assert (names[0], names[39]) == (f"WSRTA{made.taskID}_B000.MS", f"WSRTA{made.taskID}_B039.MS")


@pytest.mark.parametrize(("ndps", "count"), [(None, 1), ("1", 1), ("3", 3), (2, 2)])
@pytest.mark.parametrize("mode", ["arts_sc1_timing", "arts_sc1_baseband"])
def test_sc1_writes_as_many_files_as_ndps_says(
    observe: Observe, mode: str, ndps: str | int | None, count: int
) -> None:
    made = observe(observing_mode=mode, options={} if ndps is None else {"ndps": ndps})
    names = expected_filenames(made)
    assert len(set(names)) == len(names) == count
    assert all(name.startswith(f"ARTS{made.taskID}") and name.endswith(".fits") for name in names)
    if count == 1:
        assert names == [f"ARTS{made.taskID}.fits"]


@pytest.mark.parametrize(("science_mode", "count", "last"), [("IAB", 40, "CB39"), ("TAB", 480, "CB39_TAB12")])
def test_sc4_writes_a_file_a_compound_beam_or_twelve(
    observe: Observe, science_mode: str, count: int, last: str
) -> None:
    made = observe(observing_mode="arts_sc4_survey", science_mode=science_mode)
    names = expected_filenames(made)
    assert len(set(names)) == len(names) == count
    assert names[0] == f"ARTS{made.taskID}_CB00{'_TAB01' if science_mode == 'TAB' else ''}.fits"
    assert names[-1] == f"ARTS{made.taskID}_{last}.fits"


def test_every_expected_product_is_one_that_atdb_accepts(observe: Observe) -> None:
    for mode, kind in (
        ("imaging", "visibility"),
        ("arts_sc1_timing", "timeSeries"),
        ("arts_sc4_survey", "timeSeries"),
    ):
        made = observe(observing_mode=mode)
        products = expected_products(made)
        assert {(p.taskID, p.dataproduct_type) for p in products} == {(made.taskID, kind)}
        assert [p.filename for p in products] == expected_filenames(made)


@pytest.mark.parametrize("mode", [mode.name for mode in APERTIF.modes])
def test_the_simulator_accepts_the_products_of_each_mode(observe: Observe, mode: str) -> None:
    made = observe(observing_mode=mode)
    products = APERTIF.products(made)
    names = [product.filename for product in products]
    assert Order.read(make_parset(made, names)).products == names
    assert {product.type for product in products} <= {*TYPES}


def test_the_simulator_refuses_a_product_with_another_ending(observe: Observe) -> None:
    with pytest.raises(BadRequest, match=r"does not end with one of \.fits, \.MS"):
        Order.read(make_parset(observe(), ["a.png"]))
