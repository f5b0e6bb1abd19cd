"""The record of a deletion that has begun: a hidden file beside the product, until ATDB has recorded the removal.

    .WSRTA190405034_B000.MS.atdb-removed

It is on the disk before the first file is deleted. If the run is killed, the next one reads there that the data
were compared with the archive, and which files these were.
"""

import errno
import json
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from atdb_interface.dataproducts import DataProduct
from atdb_interface.product_files import FileKind, FileState

_SUFFIX = ".atdb-removed"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
#: Writes content into the reserve of the disk and renames that to a name in an open directory; False if it cannot.
UseReserve = Callable[[bytes, int, str], bool]


@dataclass(frozen=True)
class Tombstone:
    """What is deleted. `entry`: the name on the disk that the product had been given before.

    `files`: the state of each file by its path: size, inode, and times of the last changes in nanoseconds. None if
    an admin has forced the removal of whatever is there.
    """

    taskID: str  # noqa: N815 - the name on the wire
    filename: str
    checksum: str | None
    disk: str | None
    entry: str
    files: dict[str, tuple[int, ...]] | None

    def is_of(self, product: DataProduct, disk: str | None) -> bool:
        """Return whether this is about the data of a product as they were on this disk."""
        return self.names(product) and (self.checksum, self.disk) == (product.checksum, disk)

    def names(self, product: DataProduct) -> bool:
        """Return whether this is about a product, on whichever disk its data were."""
        return (self.taskID, self.filename) == (product.taskID, product.filename)

    def has_listed(self, entries: Iterable[FileState]) -> bool:
        """Return whether these are files that it has listed, and they have not changed since."""
        return self.files is not None and states_of(entries).items() <= self.files.items()


def states_of(entries: Iterable[FileState]) -> dict[str, tuple[int, ...]]:
    """Return the states of the files that are data, as a tombstone has them."""
    return {entry.path: _state(entry) for entry in entries if entry.kind is FileKind.FILE and entry.is_data}


def product_of_tombstone(entry: str) -> str | None:
    """Return the name of the product of which a file is the tombstone; None if it is another file."""
    name = entry.removeprefix(".").removesuffix(_SUFFIX)
    return name if name and entry == name_of_tombstone(name) else None


def name_of_tombstone(filename: str) -> str:
    """Return the name of the tombstone of a product."""
    return f".{filename}{_SUFFIX}"


def read_tombstone(folder: int, filename: str) -> Tombstone | None:
    """Return the tombstone of a product in an open directory; None if there is none that can be read."""
    try:
        handle = os.open(name_of_tombstone(filename), _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        with os.fdopen(handle, encoding="utf-8") as file:
            fields = json.load(file)
        files = fields["files"]
        if files is not None:
            fields["files"] = {path: tuple(state) for path, state in files.items()}
        return Tombstone(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def write_tombstone(folder: int, tombstone: Tombstone, use_reserve: UseReserve | None = None) -> None:
    """Write a tombstone into an open directory, so that it survives a power cut.

    If the disk is full, the disk's reserve becomes the tombstone.
    """
    name = name_of_tombstone(tombstone.filename)
    content = json.dumps(asdict(tombstone)).encode()
    part = f"{name}.{secrets.token_hex(6)}"
    try:
        handle = os.open(part, _CREATE, 0o644, dir_fd=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        is_full = isinstance(error, OSError) and error.errno in _NO_SPACE
        if not (is_full and use_reserve and use_reserve(content, folder, name)):
            raise
    os.fsync(folder)


def delete_tombstone(folder: int, filename: str) -> None:
    """Delete the tombstone of a product in an open directory, if there is one."""
    with suppress(FileNotFoundError):
        os.unlink(name_of_tombstone(filename), dir_fd=folder)


def _state(entry: FileState) -> tuple[int, ...]:
    return entry.size, entry.inode, entry.mtime_ns, entry.ctime_ns
