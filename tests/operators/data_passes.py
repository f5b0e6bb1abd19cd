"""Passes of reconcile over the data of observations."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.observations import Observation
from operators.reconcile.compare_data import CompareDataOperator
from operators.stages.remove import RemoveProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make

Look = Callable[..., list[str]]


@pytest.fixture
def look(client: Client, context: Context, data_root: Path, archive_root: Path) -> Look:
    """Run one pass, and return the events that it raised."""

    def once(*, percent: float = 1, floor: int = 10) -> list[str]:
        before = {event.key for event in client.events()}
        params = {"brake_percent": percent, "brake_floor": floor}
        CompareDataOperator(task_id="compare_data").execute(context("", "reconcile") | {"params": params})
        return [event.detail for event in client.events() if event.key not in before]

    return once


@pytest.fixture
def removed(archived: Make, context: Context) -> Make:
    def make(**fields: object) -> Observation:
        made = archived(**fields)
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
        return made

    return make


def delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
