"""The copy of a data product in the archive: its kind and its files, as the archive describes them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from fsspec import AbstractFileSystem

from atdb_interface.checksum import Advance, FileRecord, product_checksum, read_record
from atdb_interface.instruments import instrument
from atdb_interface.product_files import is_data
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError


class WrongKindError(CodedError):
    """The archive has something in the place of a data product that cannot be its copy."""

    def __init__(self, text: str) -> None:
        super().__init__(ReasonCode.ARCHIVE_COPY_WRONG, text)


@dataclass(frozen=True)
class StoredFile:
    """A file of a copy. `path`: relative to the copy, with `/`; "" if the copy is one file."""

    path: str
    size: int


@dataclass(frozen=True)
class StoredCopy:
    """A copy that was listed: a directory or one file, as the name of its data product requires."""

    filesystem: AbstractFileSystem
    place: str
    name: str
    files: tuple[StoredFile, ...]

    @classmethod
    def look(cls, filesystem: AbstractFileSystem, place: str, name: str) -> "StoredCopy":
        """List the copy of a data product at a place in the archive.

        Raises FileNotFoundError if nothing is there. Raises WrongKindError for a file in place of a directory, for
        a directory in place of a file, for a link, and for a directory without any file.
        """
        info = filesystem.info(place)
        is_directory = instrument().is_directory(name)
        _require_kind(info, "directory" if is_directory else "file", name)
        if not is_directory:
            return cls(filesystem, place, name, (StoredFile("", int(info["size"])),))
        files = sorted(_walk(filesystem, place, place), key=lambda file: os.fsencode(file.path))
        if not files:
            raise WrongKindError(f"{name} is an empty directory in the archive")
        return cls(filesystem, place, name, tuple(files))

    def sizes(self) -> tuple[int, int]:
        """Return the bytes of the data, and the bytes of all files."""
        return (
            sum(file.size for file in self.files if is_data(self.name, file.path)),
            sum(file.size for file in self.files),
        )

    def can_have(self, size: int | None) -> bool:
        """Return whether a product of this size can have this copy; every size is possible if it is None."""
        return size is None or size in self.sizes()

    def read(self, advance: Advance) -> list[FileRecord]:
        """Read all files, and return the record of each, sorted by path."""
        records = []
        for file in self.files:
            with self.filesystem.open(f"{self.place}/{file.path}" if file.path else self.place, "rb") as reader:
                records.append(read_record(reader, file.path, advance))
        return sorted(records, key=lambda record: record.path)


def data_of(records: list[FileRecord], name: str) -> list[FileRecord]:
    """Return the records of the files that are data."""
    return [record for record in records if is_data(name, record.path)]


def content_of(records: list[FileRecord], name: str, checksum: str) -> list[FileRecord] | None:
    """Return the records of the data, or of all files, if they have this checksum; otherwise None.

    Earlier versions recorded the checksum of all files, also of those that are not data. No data have no checksum.
    """
    for content in (data_of(records, name), records):
        if any(record.size for record in content) and product_checksum(content) == checksum:
            return content
    return None


def _walk(filesystem: AbstractFileSystem, folder: str, top: str) -> Iterator[StoredFile]:
    for info in filesystem.ls(folder, detail=True):
        path = str(info["name"]).rstrip("/")
        if path == folder.rstrip("/"):
            continue  # how an object store may mark a directory
        relative = path.removeprefix(f"{top}/")
        if info["type"] == "directory" and not info.get("islink"):
            yield from _walk(filesystem, path, top)
        else:
            _require_kind(info, "file", relative)
            yield StoredFile(relative, int(info["size"]))


def _require_kind(info: dict[str, object], kind: str, name: str) -> None:
    present = "link" if info.get("islink") else info["type"]
    if present != kind:
        raise WrongKindError(f"{name} is a {present} instead of a {kind} in the archive")
