"""Read a data product on the disk, and find out whether it changes while it is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from atdb_interface.checksum import Advance, FileRecord, NotAProductError, product_checksum
from atdb_interface.instruments import instrument
from atdb_interface.product_files import (
    FileKind,
    FileState,
    OpenProduct,
    ProductChangedError,
    identity_of,
    open_product,
    size_of,
)
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError

#: The clocks of file systems advance in such steps, in nanoseconds: most in less than 20 ms, old ones in 2 s.
_TICK, _LONG_TICK = 20_000_000, 2_000_000_000
_SECOND = 1_000_000_000
#: The errors of opening what is not there or is no data product.
NOT_OPENED = (FileNotFoundError, NotADirectoryError, NotAProductError)


class InvalidDataError(CodedError):
    """The disk has something that is not a data product."""


class MissingDataError(InvalidDataError):
    """Nothing is on the disk."""


class GrowingDataError(CodedError):
    """The data product changes while it is read."""

    def __init__(self) -> None:
        super().__init__(
            ReasonCode.STILL_WRITTEN,
            "The data product is still being written. Wait until it is complete, then retry.",
        )


@dataclass(frozen=True)
class Reading:
    """A product that was read and did not change meanwhile.

    `records`: the files that are data. `others`: the files that are not data. `entries`: all files and directories
    after the reading.
    """

    records: list[FileRecord]
    others: list[FileRecord]
    entries: list[FileState]

    @cached_property
    def size(self) -> int:
        """Return the number of bytes of the data."""
        return sum(record.size for record in self.records)

    @cached_property
    def checksum(self) -> str:
        """Return the checksum of the data."""
        return product_checksum(self.records)

    def has_checksum(self, checksum: str | None) -> bool:
        """Return whether this is the checksum of the data, or of all files, as earlier versions recorded it."""
        return checksum in (self.checksum, product_checksum([*self.records, *self.others]))

    def has_size(self, size: int) -> bool:
        """Return whether this is the number of bytes of the data, or of all files."""
        return size in (self.size, self.size + sum(record.size for record in self.others))

    @cached_property
    def identity(self) -> str:
        """Return the identity of the files that were read."""
        return identity_of(self.entries)


@contextmanager
def opened(path: Path) -> Iterator[OpenProduct]:
    """Open the data product at a path. Raises InvalidDataError if there is none."""
    try:
        with open_product(path) as product:
            yield product
    except NOT_OPENED as error:
        raise fault_of(path, error) from error


def fault_of(path: Path, error: Exception) -> InvalidDataError:
    """Return what is wrong at the path of a data product, and what to do, after one of NOT_OPENED."""
    if not isinstance(error, NotAProductError):
        return MissingDataError(
            ReasonCode.DATA_MISSING, "The data product is not on its data host. Restore it, then retry."
        )
    if path.is_symlink():
        return _wrong_kind("a symbolic link instead of data")
    return InvalidDataError(error.code, f"{error}. Replace it with the data, then retry.")


def inspect(product: OpenProduct) -> list[FileState]:
    """List a product. Raises InvalidDataError if it is of the wrong kind or empty, and OSError."""
    is_directory = instrument().is_directory(product.name)
    if is_directory and product.kind is FileKind.FILE:
        raise _wrong_kind("a file instead of a directory")
    if not is_directory and product.kind is FileKind.DIRECTORY:
        raise _wrong_kind("a directory instead of a file")
    entries = product.entries()
    if not size_of(entries):
        raise InvalidDataError(ReasonCode.DATA_EMPTY, "The data product is empty. Restore it, then retry.")
    return entries


def read(product: OpenProduct, advance: Advance) -> Reading:
    """Read a product. Raises InvalidDataError if it is none, and GrowingDataError if it changes or grows."""
    try:
        before = inspect(product)
    except FileNotFoundError as error:
        raise GrowingDataError from error
    _wait_for_the_clock(before)
    left = size_of(before)

    def count(n_bytes: int) -> None:
        nonlocal left
        advance(n_bytes)
        left -= n_bytes
        if left < 0:
            raise GrowingDataError

    try:
        records = product.records(count)
        others = _others(product)
        after = inspect(product)
    except (InvalidDataError, NotAProductError, ProductChangedError, FileNotFoundError) as error:
        raise GrowingDataError from error
    if _data_of(after) != _data_of(before):
        raise GrowingDataError
    return Reading(records, others, after)


def _others(product: OpenProduct) -> list[FileRecord]:
    """Read the files that are not data. If they change or disappear meanwhile, they match no checksum."""
    try:
        return product.records(is_data=False)
    except ProductChangedError:
        return []


def _data_of(entries: list[FileState]) -> list[FileState | str]:
    """Return the states that must not change.

    The times of directories are left out, because files that are not data change them.
    """
    return [entry if entry.kind is FileKind.FILE else entry.path for entry in entries if entry.is_data]


def _wait_for_the_clock(entries: list[FileState]) -> None:
    """Wait until a later change of a file would get another time than the one in the list."""
    changed = [entry.ctime_ns for entry in entries]
    tick = _TICK if any(at % _SECOND for at in changed) else _LONG_TICK
    left = max(changed) + tick - time.time_ns()
    if 0 < left <= tick:
        time.sleep(left / _SECOND)


def _wrong_kind(what: str) -> InvalidDataError:
    return InvalidDataError(
        ReasonCode.WRONG_KIND, f"The data product is {what}. Replace it with the data, then retry."
    )
