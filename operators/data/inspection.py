"""Inspect a data product on the disk, and find out whether it changes while it is read."""

import stat
from pathlib import Path

from atdb_interface.checksum import Advance, FileRecord, NotAProductError, files_of, records_of
from atdb_interface.instruments import instrument
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError

#: Path below the product, size in bytes, and time of the last change in ns since 1970.
FileState = tuple[str, int, int]


class InvalidDataError(CodedError):
    """What is on the disk is no data product."""


class MissingDataError(InvalidDataError):
    """Nothing is on the disk."""


class GrowingDataError(CodedError):
    """The data product changes while it is read."""

    def __init__(self) -> None:
        super().__init__(
            ReasonCode.STILL_WRITTEN,
            "The data product is still being written. Wait until it is complete, then retry.",
        )


def inspect(path: Path) -> list[FileState]:
    """Return the files of a product. If the list differs after a reading, the product changed meanwhile.

    Raises InvalidDataError if it is missing, empty, a link, or a file in the place of a directory or the other
    way round; and FileNotFoundError if a file is deleted at this moment.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingDataError(
            ReasonCode.DATA_MISSING, "The data product is not on its data host. Restore it, then retry."
        ) from error
    if stat.S_ISLNK(mode):
        raise _wrong_kind("a symbolic link instead of data")
    is_directory = instrument().is_directory(path.name)
    if is_directory and stat.S_ISREG(mode):
        raise _wrong_kind("a file instead of a directory")
    if not is_directory and stat.S_ISDIR(mode):
        raise _wrong_kind("a directory instead of a file")
    try:
        files = files_of(path)
    except NotAProductError as error:
        raise InvalidDataError(error.code, f"{error}. Replace it with the data, then retry.") from error
    states = [(name, state.st_size, state.st_mtime_ns) for name, file in files for state in (file.lstat(),)]
    if not size_of(states):
        raise InvalidDataError(ReasonCode.DATA_EMPTY, "The data product is empty. Restore it, then retry.")
    return states


def read(path: Path, advance: Advance) -> list[FileRecord]:
    """Read a product and return the records of its files. Raises GrowingDataError if it changes or grows."""
    before = inspect(path)
    left = size_of(before)

    def count(n_bytes: int) -> None:
        nonlocal left
        advance(n_bytes)
        left -= n_bytes
        if left < 0:
            raise GrowingDataError

    try:
        records = records_of(path, count)
        is_unchanged = inspect(path) == before
    except (InvalidDataError, FileNotFoundError) as error:
        raise GrowingDataError from error
    if not is_unchanged:
        raise GrowingDataError
    return records


def _wrong_kind(what: str) -> InvalidDataError:
    return InvalidDataError(
        ReasonCode.WRONG_KIND, f"The data product is {what}. Replace it with the data, then retry."
    )


def size_of(files: list[FileState]) -> int:
    """Return the sum of the bytes of a product's files."""
    return sum(size for _, size, _ in files)
