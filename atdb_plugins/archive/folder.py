"""The folder of an observation in the archive: complete, verified products and a manifest.

<url>/<collection>/<taskID>/WSRTA190405034_B000.MS/...
                            manifest.json
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fsspec import AbstractFileSystem

from atdb_interface.checksum import Advance, FileRecord, files_of, ignore_progress, product_checksum, read_record
from atdb_interface.dataproducts import DataProduct
from atdb_interface.fields import MANIFEST
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError
from atdb_plugins.archive.manifest import files_in, make_manifest
from atdb_plugins.archive.partial_files import PartialFile, discard, name_of_part, new_part, publish, to_disk


class ArchiveError(CodedError):
    """The archive cannot be used, or what is in it is not what it should be."""


@dataclass(frozen=True)
class ArchiveFolder:
    """A folder below the root of an archive."""

    filesystem: AbstractFileSystem
    root: str
    path: str

    def url(self, name: str) -> str:
        """Return the URL of a product's copy."""
        return str(self.filesystem.unstrip_protocol(f"{self.path}/{name}"))

    def store(
        self, source: Path, name: str, *, checksum: str, advance: Advance = ignore_progress
    ) -> list[FileRecord]:
        """Copy a product in one pass, read it back, compare, and only then give it its name.

        A copy that already has this checksum stays. The caller holds the lease on the observation, so other
        partial files of the product are those of attempts that have ended or should have; they are deleted.
        Returns each file with its SHA-256. Raises ArchiveError if the product has changed since it was
        validated, or if the archive returns other bytes than were written; then nothing of the copy is left.
        """
        final = f"{self.path}/{name}"
        self._discard_partial_files(name)
        if self.filesystem.exists(final):
            records = self._read(final, advance)
            if product_checksum(records) == checksum:
                return records
        part = new_part(self.path, name)
        try:
            records = self._copy(source, part, name, checksum, advance)
            publish(self.filesystem, part, final, self.root)
        except BaseException:
            with suppress(Exception):  # the first error is the one to report
                discard(self.filesystem, part)
            raise
        self._discard_partial_files(name)
        return records

    def read(self, name: str, advance: Advance = ignore_progress) -> list[FileRecord]:
        """Read a product; return each file with its size and SHA-256, sorted by path."""
        return self._read(f"{self.path}/{name}", advance)

    def verify(self, name: str, checksum: str, advance: Advance = ignore_progress) -> None:
        """Read a product from the archive now, and raise ArchiveError unless it has this checksum."""
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(f"{self.path}/{name}"):
            raise ArchiveError(
                ReasonCode.ARCHIVE_COPY_MISSING, f"{name} is not in the archive. Use the action ingest."
            )
        if product_checksum(self.read(name, advance)) != checksum:
            raise ArchiveError(
                ReasonCode.ARCHIVE_COPY_WRONG,
                f"The copy of {name} in the archive is not what was observed. Use the action ingest.",
            )

    def size(self, name: str) -> int | None:
        """Return how many bytes a product has in the archive; None if it is not there."""
        path = f"{self.path}/{name}"
        self.filesystem.invalidate_cache()
        try:
            return int(self.filesystem.du(path)) if self.filesystem.info(path) else None
        except FileNotFoundError:
            return None

    def partial_files(self) -> list[PartialFile]:
        """Return the partial files: those being written, and those left by attempts that have ended."""
        self.filesystem.invalidate_cache()
        try:
            paths = self.filesystem.ls(self.path, detail=False)
        except FileNotFoundError:
            return []
        return [PartialFile(self.filesystem, path.rstrip("/")) for path in paths if name_of_part(path.rstrip("/"))]

    def read_manifest(self) -> dict[str, list[FileRecord]]:
        """Return the files of each product in the manifest; empty if there is no manifest yet."""
        try:
            return files_in(self.filesystem.cat_file(f"{self.path}/{MANIFEST}"))
        except FileNotFoundError:
            return {}

    def write_manifest(self, observation: Observation, files: list[tuple[DataProduct, list[FileRecord]]]) -> None:
        """Write a new manifest; the older one stays until the new one is complete."""
        part = new_part(self.path, MANIFEST)
        try:
            with self.filesystem.open(part, "wb") as file:
                file.write(make_manifest(observation, files))
                to_disk(file)
            publish(self.filesystem, part, f"{self.path}/{MANIFEST}", self.root)
        except BaseException:
            with suppress(Exception):
                discard(self.filesystem, part)
            raise

    def _copy(self, source: Path, part: str, name: str, checksum: str, advance: Advance) -> list[FileRecord]:
        """Copy a product to a partial file. Raises ArchiveError unless it reads back as what was validated."""
        self.filesystem.makedirs(part.rpartition("/")[0], exist_ok=True)
        records = [
            self._copy_file(path, relative, f"{part}/{relative}" if relative else part, advance)
            for relative, path in files_of(source)
        ]
        if product_checksum(records) != checksum:
            raise ArchiveError(
                ReasonCode.DATA_CHANGED, f"{name} has changed since it was validated. Use the action check."
            )
        if self._read(part, advance) != sorted(records, key=lambda record: record.path):
            raise ArchiveError(
                ReasonCode.ARCHIVE_WROTE_OTHER_BYTES,
                f"The archive returned other bytes of {name} than were written. Check the archive.",
            )
        return records

    def _copy_file(self, source: Path, relative: str, target: str, advance: Advance) -> FileRecord:
        if relative:
            self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        with source.open("rb") as reader, self.filesystem.open(target, "wb") as writer:
            record = read_record(reader, relative, advance, writer=writer)
            to_disk(writer)
        return record

    def _read(self, path: str, advance: Advance) -> list[FileRecord]:
        if self.filesystem.isfile(path):
            return [self._read_file(path, "", advance)]
        files = sorted(self.filesystem.find(path))
        return [self._read_file(file, os.path.relpath(file, path), advance) for file in files]

    def _read_file(self, path: str, relative: str, advance: Advance) -> FileRecord:
        with self.filesystem.open(path, "rb") as reader:
            return read_record(reader, relative, advance)

    def _discard_partial_files(self, name: str) -> None:
        for part in self.partial_files():
            if part.name == name:
                part.delete()
