"""Archives on each kind of file system, and a data product to store in them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.checksum import CHUNK_BYTES, FileRecord, product_checksum
from atdb_interface.product_files import identity_of, open_product
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.folder import ArchiveFolder
from tests.archive_servers import bucket, sftp_server
from tests.file_records import records_of

NAME = "WSRTA190405034_B000.MS"


class LyingFileSystem(LocalFileSystem):
    """A local disk that changes the first byte that is written or read."""

    protocol = ("lying",)
    lies_on: ClassVar[str] = "w"

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        file = super()._open(path, mode, **kwargs)
        if self.lies_on in mode:
            method = "write" if self.lies_on == "w" else "read"
            honest = getattr(file, method)
            if method == "write":
                file.write = lambda data: honest(_changed(data))
            else:
                file.read = lambda *size: _changed(honest(*size))
        return file


def _changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:] if data else data


fsspec.register_implementation("lying", LyingFileSystem, clobber=True)


@pytest.fixture(params=["file", "memory", "s3", "sftp"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    match request.param:
        case "memory":
            yield Archive.open(f"memory://{uuid4().hex}")
            fsspec.filesystem("memory").store.clear()
        case "s3":
            url, options = bucket(request.getfixturevalue("s3_options"))
            yield Archive.open(url, **options)
        case "sftp":
            (tmp_path / "alta").mkdir()
            with sftp_server(tmp_path) as (url, options):
                yield Archive.open(url, **options)
        case _:
            (tmp_path / "alta").mkdir()
            yield Archive.open((tmp_path / "alta").as_uri())


@pytest.fixture
def local(tmp_path: Path) -> Archive:
    (tmp_path / "alta").mkdir(exist_ok=True)
    return Archive.open((tmp_path / "alta").as_uri())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A MeasurementSet with subfolders, odd names, an empty file, and a file that is longer than a chunk."""
    product = tmp_path / "data" / NAME
    for name, content in {
        "table.dat": b"main",
        "SPECTRAL_WINDOW/table.f0": os.urandom(CHUNK_BYTES + 7),
        "SPECTRAL_WINDOW/table.lock": b"who has it open",
        "SPECTRAL_WINDOW/empty": b"",
        "odd [1]*/café.dat": b"odd",
    }.items():
        (product / name).parent.mkdir(parents=True, exist_ok=True)
        (product / name).write_bytes(content)
    return product


def data(product: Path) -> list[FileRecord]:
    """Return the records of the files that are data, all but `table.lock`."""
    return [record for record in records_of(product) if not record.path.endswith("table.lock")]


def checksum(product: Path) -> str:
    return product_checksum(data(product))


def size_of(product: Path) -> int:
    return sum(record.size for record in data(product))


def identity(product: Path) -> str:
    with open_product(product) as opened:
        return identity_of(opened.entries())


def folder_of(archive: Archive) -> ArchiveFolder:
    return ArchiveFolder(archive.filesystem, archive.root, f"{archive.root}/apertif_main/190405034")


def store(archive: Archive, source: Path, *, expected: str | None = None, **more: Any) -> Any:
    return folder_of(archive).store(source, source.name, checksum=expected or checksum(source), **more)


def leave_part(archive: Archive, source: Path) -> Path:
    """Write as an attempt that is killed at the worst moment: all is written, and nothing is published."""
    part = Path(folder_of(archive).path, f".{source.name}.0123456789ab.part")
    shutil.copytree(source, part)
    return part


def everything(archive: Archive) -> list[str]:
    return list(archive.filesystem.find(archive.root))


def put(archive: Archive, path: str, content: bytes) -> None:
    if archive.filesystem.protocol != "memory":  # there, a directory stays when its last file is deleted
        archive.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    archive.filesystem.pipe_file(path, content)
