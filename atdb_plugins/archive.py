"""The long-term archive behind any fsspec URL: products with their checksums, and a manifest an observation.

    <url>/<collection>/<taskID>/WSRTA190405034_B000.MS/...
                                manifest.json

A product has its name only once all of it was read back and compared: until then it is a hidden `.part`.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, Self

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.checksum import CHUNK_BYTES, FileRecord, files_of, product_checksum
from atdb_interface.fields import MANIFEST
from atdb_interface.models import DataProduct, Observation


class ArchiveError(Exception):
    """What is or would be in the archive is not what it should be."""


@dataclass(frozen=True)
class Archive:
    """An archive below one URL."""

    filesystem: AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str, **storage_options: Any) -> Self:
        """Open the archive at a URL such as `file:///alta` or `s3://alta/main`.

        Raises ArchiveError for a local folder that is not there: its disk may not be mounted.
        """
        filesystem, root = fsspec.url_to_fs(url, **storage_options)
        if isinstance(filesystem, LocalFileSystem) and not filesystem.isdir(root):
            raise ArchiveError(f"the archive {url} is not there")
        return cls(filesystem, root.rstrip("/"))

    def folder(self, observation: Observation) -> str:
        """Name the folder of an observation."""
        collection = (observation.irods_collection or observation.observing_mode).strip("/")
        return f"{self.root}/{collection}/{observation.taskID}"

    def store(self, source: Path, folder: str, name: str, *, checksum: str, owner: str) -> list[FileRecord]:
        """Copy a product into a folder in one pass, read it back, compare, and only then give it its name.

        What is there already with this checksum stays. Two owners never write into the same part.
        Returns each file with its SHA-256. Raises ArchiveError where the product is no longer what was
        validated, or the archive gives back other bytes than were written.
        """
        final = f"{folder}/{name}"
        if self.filesystem.exists(final):
            records = self.read(final)
            if product_checksum(records) == checksum:
                return records
        part = f"{folder}/.{name}.{hashlib.sha256(owner.encode()).hexdigest()[:12]}.part"
        self._delete(part)
        self.filesystem.makedirs(folder, exist_ok=True)
        records = [
            self._copy(path, relative, f"{part}/{relative}" if relative else part)
            for relative, path in files_of(source)
        ]
        if product_checksum(records) != checksum:
            self._delete(part)
            raise ArchiveError(f"{name} is no longer what was validated")
        if self.read(part) != sorted(records, key=lambda record: record.path):
            self._delete(part)
            raise ArchiveError(f"the archive gave back other bytes of {name} than were written")
        self._delete(final)
        self._name(part, final)
        return records

    def verify(self, folder: str, name: str, checksum: str) -> None:
        """Read a product from the archive now, and raise ArchiveError unless it has this checksum."""
        final = f"{folder}/{name}"
        if not self.filesystem.exists(final):
            raise ArchiveError(f"{name} is not in the archive")
        if product_checksum(self.read(final)) != checksum:
            raise ArchiveError(f"{name} in the archive is not what was observed")

    def read(self, product: str) -> list[FileRecord]:
        """Read all of a product in the archive: each file with its size and SHA-256, sorted by path."""
        if self.filesystem.isfile(product):
            return [self._read_file(product, "")]
        paths = sorted(self.filesystem.find(product))
        return [self._read_file(path, os.path.relpath(path, product)) for path in paths]

    def read_manifest(self, folder: str) -> dict[str, list[FileRecord]]:
        """Give the files of each product that the folder's manifest lists; none where there is none yet."""
        try:
            manifest = json.loads(self.filesystem.cat_file(f"{folder}/{MANIFEST}"))
        except FileNotFoundError:
            return {}
        return {
            product["filename"]: [FileRecord(**file) for file in product["files"]]
            for product in manifest["products"]
        }

    def write_manifest(
        self, folder: str, observation: Observation, files: list[tuple[DataProduct, list[FileRecord]]]
    ) -> None:
        """Write the manifest anew; an older one stays until the new one is whole."""
        manifest = {
            "observation": observation.model_dump(
                mode="json",
                exclude={"id", "my_status", "new_status", "status_history", "generated_dataproducts"},
            ),
            "products": [
                {
                    "filename": product.filename,
                    "dataproduct_type": product.dataproduct_type,
                    "size": sum(record.size for record in records),
                    "checksum": product_checksum(records),
                    "files": [asdict(record) for record in records],
                }
                for product, records in files
            ],
        }
        part = f"{folder}/.{MANIFEST}.part"
        with self.filesystem.open(part, "wb") as file:
            file.write(json.dumps(manifest, indent=1).encode())
            _to_disk(file)
        self._name(part, f"{folder}/{MANIFEST}")

    def _copy(self, source: Path, relative: str, target: str) -> FileRecord:
        self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as reader, self.filesystem.open(target, "wb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            _to_disk(writer)
        return FileRecord(relative, size, digest.hexdigest())

    def _read_file(self, path: str, relative: str) -> FileRecord:
        digest, size = hashlib.sha256(), 0
        with self.filesystem.open(path, "rb") as reader:
            while chunk := reader.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
        return FileRecord(relative, size, digest.hexdigest())

    def _name(self, part: str, final: str) -> None:
        """Give a whole part its name; on a local disk, names survive a power cut too."""
        if isinstance(self.filesystem, LocalFileSystem):
            for inside, _, _ in os.walk(part):
                _folder_to_disk(inside)
        self.filesystem.mv(part, final, recursive=True)
        if isinstance(self.filesystem, LocalFileSystem):
            for above in Path(final).parents:
                _folder_to_disk(above)
                if str(above) == self.root:
                    break

    def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.filesystem.rm(path, recursive=True)


def _to_disk(file: Any) -> None:
    """Where the archive is a local disk: the source may be removed later, so the copy must survive a power cut."""
    file.flush()
    with suppress(AttributeError, UnsupportedOperation):
        os.fsync(file.fileno())


def _folder_to_disk(folder: str | Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
