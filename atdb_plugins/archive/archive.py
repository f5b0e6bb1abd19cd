"""The long-term archive behind any fsspec URL: products with their checksums, and a manifest an observation.

    <url>/<collection>/<taskID>/WSRTA190405034_B000.MS/...
                                manifest.json

A product has its name only once all of it was read back and compared: until then it is a hidden `.part`.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.checksum import Advance, FileRecord, files_of, product_checksum, read_record, untold
from atdb_interface.dataproducts import DataProduct
from atdb_interface.fields import MANIFEST
from atdb_interface.instruments import instrument
from atdb_interface.observations import Observation
from atdb_plugins.archive.manifest import files_in, make_manifest
from atdb_plugins.archive.partial_files import discard, name_of_part, new_part, publish, to_disk


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
        """Name the folder of an observation. ArchiveError if the instrument wants it outside the archive."""
        collection = instrument().archive_folder(observation).strip("/")
        if ".." in collection.split("/"):
            raise ArchiveError(f"{collection} is not a folder within the archive")
        return f"{self.root}/{collection}/{observation.taskID}"

    def url(self, folder: str, name: str) -> str:
        """Give the URL of a product's copy."""
        return str(self.filesystem.unstrip_protocol(f"{folder}/{name}"))

    def require(self) -> None:
        """Raise ArchiveError where the archive as a whole cannot be reached now."""
        try:
            there = self.filesystem.exists(self.root)
        except Exception as error:
            raise ArchiveError(f"the archive cannot be reached: {error}") from error
        if isinstance(self.filesystem, LocalFileSystem) and not there:
            raise ArchiveError(f"the archive {self.root} is not there")

    def store(
        self, source: Path, folder: str, name: str, *, checksum: str, advance: Advance = untold
    ) -> list[FileRecord]:
        """Copy a product into a folder in one pass, read it back, compare, and only then give it its name.

        What is there already with this checksum stays. Whoever stores a product holds the lease on its
        observation: other parts of it are of attempts that have ended or should have, and are deleted.
        Returns each file with its SHA-256. Raises ArchiveError where the product is no longer what was
        validated, or the archive gives back other bytes than were written; then nothing of it is left.
        """
        final = f"{folder}/{name}"
        self._discard_parts(folder, name)
        if self.filesystem.exists(final):
            records = self.read(final, advance)
            if product_checksum(records) == checksum:
                return records
        part = new_part(folder, name)
        try:
            records = self._copy(source, part, name, checksum, advance)
            publish(self.filesystem, part, final, self.root)
        except BaseException:
            with suppress(Exception):  # what ended the attempt is the reason to tell, not this
                discard(self.filesystem, part)
            raise
        self._discard_parts(folder, name)
        return records

    def verify(self, folder: str, name: str, checksum: str, advance: Advance = untold) -> None:
        """Read a product from the archive now, and raise ArchiveError unless it has this checksum."""
        final = f"{folder}/{name}"
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(final):
            raise ArchiveError(f"{name} is not in the archive")
        if product_checksum(self.read(final, advance)) != checksum:
            raise ArchiveError(f"{name} in the archive is not what was observed")

    def size(self, folder: str, name: str) -> int | None:
        """Tell how many bytes a product has in the archive; None where it is not there."""
        path = f"{folder}/{name}"
        self.filesystem.invalidate_cache()
        try:
            return int(self.filesystem.du(path)) if self.filesystem.info(path) else None
        except FileNotFoundError:
            return None

    def read(self, product: str, advance: Advance = untold) -> list[FileRecord]:
        """Read all of a product in the archive: each file with its size and SHA-256, sorted by path."""
        if self.filesystem.isfile(product):
            return [self._read_file(product, "", advance)]
        paths = sorted(self.filesystem.find(product))
        return [self._read_file(path, os.path.relpath(path, product), advance) for path in paths]

    def parts(self, folder: str) -> list[str]:
        """List what is being written, or was left half written, in a folder."""
        self.filesystem.invalidate_cache()
        try:
            paths = self.filesystem.ls(folder, detail=False)
        except FileNotFoundError:
            return []
        return [path.rstrip("/") for path in paths if name_of_part(path.rstrip("/"))]

    def delete_leftover(self, path: str) -> None:
        """Delete a part; should somebody be about to give it its name, either that is done or this."""
        if not name_of_part(path):
            raise ValueError(f"{path} is no part")
        discard(self.filesystem, path)

    def read_manifest(self, folder: str) -> dict[str, list[FileRecord]]:
        """Give the files of each product that the folder's manifest lists; none where there is none yet."""
        try:
            return files_in(self.filesystem.cat_file(f"{folder}/{MANIFEST}"))
        except FileNotFoundError:
            return {}

    def write_manifest(
        self, folder: str, observation: Observation, files: list[tuple[DataProduct, list[FileRecord]]]
    ) -> None:
        """Write the manifest anew; an older one stays until the new one is whole."""
        part = new_part(folder, MANIFEST)
        try:
            with self.filesystem.open(part, "wb") as file:
                file.write(make_manifest(observation, files))
                to_disk(file)
            publish(self.filesystem, part, f"{folder}/{MANIFEST}", self.root)
        except BaseException:
            with suppress(Exception):
                discard(self.filesystem, part)
            raise

    def _copy(self, source: Path, part: str, name: str, checksum: str, advance: Advance) -> list[FileRecord]:
        """Copy a product into a part; ArchiveError unless it is what was validated, and comes back as it went."""
        self.filesystem.makedirs(part.rpartition("/")[0], exist_ok=True)
        records = [
            self._copy_file(path, relative, f"{part}/{relative}" if relative else part, advance)
            for relative, path in files_of(source)
        ]
        if product_checksum(records) != checksum:
            raise ArchiveError(f"{name} is no longer what was validated")
        if self.read(part, advance) != sorted(records, key=lambda record: record.path):
            raise ArchiveError(f"the archive gave back other bytes of {name} than were written")
        return records

    def _copy_file(self, source: Path, relative: str, target: str, advance: Advance) -> FileRecord:
        if relative:
            self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        with source.open("rb") as reader, self.filesystem.open(target, "wb") as writer:
            record = read_record(reader, relative, advance, writer=writer)
            to_disk(writer)
        return record

    def _read_file(self, path: str, relative: str, advance: Advance) -> FileRecord:
        with self.filesystem.open(path, "rb") as reader:
            return read_record(reader, relative, advance)

    def _discard_parts(self, folder: str, name: str) -> None:
        for part in self.parts(folder):
            if name_of_part(part) == name:
                discard(self.filesystem, part)
