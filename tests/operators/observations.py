"""Observations with data on the disk and in the archive, and archives with faults."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.contexts import Context, use_archive

Observe = Callable[..., Observation]
Make = Callable[..., Observation]


class TroubledFileSystem(LocalFileSystem):
    """A local disk that calls `happens` whenever a file is opened for writing."""

    protocol = ("troubled",)
    cachable = False
    happens: ClassVar[Callable[[str], None]] = staticmethod(lambda _: None)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        if "w" in mode:
            TroubledFileSystem.happens(path)
        return super()._open(path, mode, **kwargs)


class SlowFileSystem(LocalFileSystem):
    """A local disk that is slow for each piece that is written."""

    protocol = ("slow",)
    cachable = False
    seconds: ClassVar[float] = 0.05

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        file = super()._open(path, mode, **kwargs)
        if "w" in mode:
            write = file.write

            def slowly(data: bytes) -> int:
                time.sleep(self.seconds)
                return int(write(data))

            file.write = slowly
        return file


fsspec.register_implementation("troubled", TroubledFileSystem, clobber=True)
fsspec.register_implementation("slow", SlowFileSystem, clobber=True)


@pytest.fixture
def trouble(archive_root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Call a function whenever a file in the archive is opened for writing."""
    use_archive(monkeypatch, f"troubled://{archive_root}")
    return lambda happens: monkeypatch.setattr(TroubledFileSystem, "happens", staticmethod(happens))


@pytest.fixture
def written(client: Client, observe: Observe, data_root: Path) -> Make:
    """Create an observation whose products, directories and files, the telescope has written."""

    def make(*, products: int = 3, n_bytes: int = 1000, **fields: object) -> Observation:
        made = observe(Status.COMPLETING, **fields)
        client.create_dataproducts(
            [
                NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}_{n}.{'fits' if n % 2 else 'MS'}")
                for n in range(products)
            ]
        )
        for number, product in enumerate(products_of(client, made)):
            write(path_of(product), n_bytes + number)
        return made

    return make


@pytest.fixture
def validated(written: Make, context: Context) -> Make:
    def make(**fields: object) -> Observation:
        made = written(**fields)
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        return made

    return make


@pytest.fixture
def archived(validated: Make, context: Context, archive_root: Path) -> Make:
    def make(**fields: object) -> Observation:
        made = validated(**fields)
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        return made

    return make


def write(path: Path, n_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".MS":
        (path / "sub").mkdir(parents=True)
        (path / "table.dat").write_bytes(os.urandom(n_bytes))
        (path / "sub" / "two words").write_bytes(os.urandom(10))
    else:
        path.write_bytes(os.urandom(n_bytes))


def products_of(client: Client, made: Observation) -> list[DataProduct]:
    return list(client.dataproducts(taskID=made.taskID, ordering="filename"))


def statuses(client: Client, made: Observation) -> list[str]:
    return [str(product.my_status) for product in products_of(client, made)]


def names_of_history(client: Client, made: Observation) -> list[str]:
    return [step.name for step in client.observation(made.taskID).status_history]


def last(client: Client, made: Observation) -> tuple[str, str]:
    step = client.observation(made.taskID).status_history[-1]
    return step.name, step.reason


def in_archive(archive_root: Path, made: Observation) -> Path:
    return archive_root / (made.irods_collection or made.observing_mode) / made.taskID


def parts_in(archive_root: Path) -> list[Path]:
    return [path for path in archive_root.rglob("*") if path.name.endswith(".part")]
