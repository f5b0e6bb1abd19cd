"""What a data product looks like on the disk, and whether it stays so while it is read."""

import stat
from pathlib import Path

from atdb_interface.checksum import Advance, FileRecord, files_of, records_of
from atdb_interface.instruments import instrument

GROWING = "is still being written"
#: Path below the product, size in bytes, and time of the last change in ns since 1970.
FileState = tuple[str, int, int]


class InvalidDataError(Exception):
    """What is there is no data product."""


class MissingDataError(InvalidDataError):
    """There is nothing."""


class GrowingDataError(Exception):
    """What is there changes while it is read."""


def inspect(path: Path) -> list[FileState]:
    """List the files of a product; what is written on while it is read is told by how this differs after.

    Raises InvalidDataError for what is missing, empty, a link, or a file in the place of a directory or the other
    way round; and FileNotFoundError for a file that is deleted at this moment.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingDataError("missing") from error
    if stat.S_ISLNK(mode):
        raise InvalidDataError("a link, and no data")
    is_directory = instrument().is_directory(path.name)
    if is_directory and stat.S_ISREG(mode):
        raise InvalidDataError("a file, where a directory should be")
    if not is_directory and stat.S_ISDIR(mode):
        raise InvalidDataError("a directory, where a file should be")
    try:
        files = files_of(path)
    except ValueError as error:
        raise InvalidDataError(str(error)) from error
    states = [(name, state.st_size, state.st_mtime_ns) for name, file in files for state in (file.lstat(),)]
    if not size_of(states):
        raise InvalidDataError("empty")
    return states


def read(path: Path, advance: Advance) -> list[FileRecord]:
    """Read a product and give its files' records; GrowingDataError, before it never ends, for one that changes."""
    before = inspect(path)
    left = size_of(before)

    def count(n_bytes: int) -> None:
        nonlocal left
        advance(n_bytes)
        left -= n_bytes
        if left < 0:
            raise GrowingDataError(f"{path.name} {GROWING}")

    try:
        records = records_of(path, count)
        is_unchanged = inspect(path) == before
    except (InvalidDataError, FileNotFoundError) as error:
        raise GrowingDataError(f"{path.name} {GROWING}") from error
    if not is_unchanged:
        raise GrowingDataError(f"{path.name} {GROWING}")
    return records


def size_of(files: list[FileState]) -> int:
    """Add up the bytes of a product's files."""
    return sum(size for _, size, _ in files)
