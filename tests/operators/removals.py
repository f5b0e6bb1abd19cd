"""Removals of observations, and what they find and leave on a data host."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.lifecycle import Action, Status
from atdb_interface.observations import Observation
from operators.data.local_products import path_of
from operators.data.removal_check import Deletable, RemovalCheck
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make, products_of, write


@pytest.fixture
def archived_one(client: Client, written: Make, context: Context, archive_root: Path) -> Make:
    """Archive an observation with one product, whose name has this ending."""

    def make(ending: str, **fields: object) -> Observation:
        made = written(products=0, **fields)
        client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}{ending}")])
        (product,) = products_of(client, made)
        write(path_of(product), 1000)
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        return made

    return make


@pytest.fixture
def remove(context: Context, archive_root: Path) -> Callable[[Observation], None]:
    return lambda made: RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))


@pytest.fixture
def before_judging(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[DataProduct], None]], None]:
    """Call a function before a product is compared."""
    judge = RemovalCheck.judge

    def set_(happens: Callable[[DataProduct], None]) -> None:
        def watched(self: RemovalCheck, product: DataProduct) -> Deletable:
            happens(product)
            return judge(self, product)

        monkeypatch.setattr(RemovalCheck, "judge", watched)

    return set_


@pytest.fixture
def check_again(client: Client, context: Context) -> Callable[[Observation], None]:
    """Use the action check, then do what the stages validate and ingest do."""

    def work(made: Observation, action: Action = Action.CHECK) -> None:
        client.act(made.taskID, action)
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        if client.observation(made.taskID).my_status is Status.VALID:
            IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))

    return work


def content(path: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a product."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def hidden(path: Path) -> list[str]:
    """Return what a removal has left beside a product."""
    return sorted(each.name for each in path.parent.iterdir() if each.name.startswith(f".{path.name}."))


def main_file(path: Path) -> Path:
    return path / "table.dat" if path.is_dir() else path


def overwrite(path: Path, n_bytes: int) -> None:
    """Write other bytes, and restore the time of the last modification as a copying program does."""
    file, before = main_file(path), main_file(path).stat()
    with file.open("r+b") as opened:
        opened.truncate(n_bytes)
        opened.write(os.urandom(n_bytes))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
