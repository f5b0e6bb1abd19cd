"""The repair of a damaged product writes exactly the bytes that were observed."""

from dataclasses import replace
from pathlib import Path

import pytest

from atdb_interface.checksum import product_checksum
from standalone.rehearsal import repair
from standalone.settings import Settings
from standalone.simulator.faults import Fault, Rule
from tests.file_records import records_of
from tests.standalone.simulating import SIZE, TASK, Simulator, alone, parset, unstarted
from tests.standalone.test_simulator_faults import plan

__all__ = ["alone", "unstarted"]  # fixtures


@pytest.fixture
def settings(alone: Simulator, tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, product_bytes=SIZE)


@pytest.mark.parametrize("fault", [Fault.MISSING, Fault.EMPTY, Fault.OTHER_KIND, Fault.BROKEN_LINK])
def test_a_broken_product_is_made_whole(alone: Simulator, settings: Settings, fault: Fault) -> None:
    plan(alone, Rule(id="1", fault=fault, product=0), Rule(id="2", fault=fault, product=1))
    alone.post(TASK, parset(dataWriter__products="a.fits,b.MS,c.MS"))
    products = alone.wait_for(TASK, state="finished")["products"]
    assert repair.damaged(settings, TASK) == ["a.fits", "b.MS"]
    assert repair.repair_products(settings, TASK)
    folder = settings.data / "wcudata1/data/apertif"
    for product in products:
        assert product_checksum(records_of(folder / product["filename"])) == product["checksum"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.fits", "b.MS", "c.MS"]


def test_a_task_that_is_not_finished_is_not_repaired(alone: Simulator, settings: Settings) -> None:
    assert not repair.repair_products(settings, TASK)
    alone.post(TASK, parset(start=3600))
    assert not repair.repair_products(settings, TASK)


def test_a_product_of_another_size_is_not_put_in_its_place(alone: Simulator, settings: Settings) -> None:
    plan(alone, Rule(id="1", fault=Fault.MISSING))
    alone.post(TASK, parset(dataWriter__products="a.fits"))
    alone.wait_for(TASK, state="finished")
    with pytest.raises(ValueError, match="cannot be generated again"):
        repair.repair_products(replace(settings, product_bytes=2 * SIZE), TASK)
