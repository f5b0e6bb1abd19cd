"""The files of a data product on a disk, opened so that nothing outside the product is ever read.

    with open_product(path) as product:
        for file in product.files():
            with product.open(file) as reader:
                ...

Each directory and file is opened from the one above it, without following links. So a program that replaces one by
a link meanwhile has no effect. Nothing on another file system or mount is read. Before and after a file is read,
it is compared with the list.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from atdb_interface.checksum import (
    Advance,
    FileRecord,
    NotAProductError,
    ignore_progress,
    product_checksum,
    read_record,
)
from atdb_interface.instruments import instrument
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError

#: A directory that is opened to list it, or to rename or delete what is in it.
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: A directory on the way to a product is passed through, never read. Anything else is only looked at.
_PASS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
#: Without O_NONBLOCK, a pipe that is put in place of a file would block the reader for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: The errors of opening a file if something else is in its place, or in the place of a directory above it.
_NO_LONGER_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)
#: A product with directories inside each other beyond this depth is refused.
_DEEPEST = 100


class ProductChangedError(CodedError):
    """The data product has changed since its files were listed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            ReasonCode.DATA_CHANGED, f"{name} changes while it is read. Wait until it is complete, then retry."
        )


class FileKind(StrEnum):
    """What an entry of a product is. A data product has no links, pipes or devices."""

    FILE = "file"
    DIRECTORY = "directory"
    OTHER = "other"


@dataclass(frozen=True)
class FileState:
    """A file or directory of a product, as the disk describes it.

    `path`: relative to the product, with `/`; "" for the product itself. Times in nanoseconds since 1970.
    `is_data`: false for a file that programs change although the data stay the same, such as a lock.
    """

    path: str
    kind: FileKind
    size: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    device: int
    is_data: bool


class OpenProduct:
    """A data product whose top is open. It stays the same file or directory, even if it is renamed meanwhile.

    `name`: the name of the data product in ATDB, which can differ from that on the disk.
    `any_kind`: whether links, pipes and devices are listed as well, instead of refused.
    """

    def __init__(self, top: int, name: str, *, any_kind: bool = False) -> None:
        self._top, self.name, self._any_kind = top, name, any_kind
        self._place = place_of(top)
        self.kind = self.top().kind
        self._listed: dict[str, FileState] = {}

    def top(self) -> FileState:
        """Return the state of the product itself now."""
        return self._state("", os.fstat(self._top))

    def entries(self) -> list[FileState]:
        """List the product now: itself, and all files and directories in it, sorted by path.

        Raises NotAProductError for links, pipes, devices and other file systems; OSError if an entry disappears.
        """
        entries = [self.top()]
        if self.kind is FileKind.DIRECTORY:
            entries += self._walk(self._top, "")
        entries.sort(key=lambda entry: os.fsencode(entry.path))
        self._listed = {entry.path: entry for entry in entries}
        return entries

    def files(self) -> list[FileState]:
        """List the files of the product now, sorted by path; also those that are not data."""
        return [entry for entry in self.entries() if entry.kind is FileKind.FILE]

    @contextmanager
    def open(self, file: FileState | str) -> Iterator[BinaryIO]:
        """Open a file of the last list. Before and after the reading, check that it is the listed one.

        Raises ProductChangedError. A file that is not data may change while it is read.
        """
        listed = self._listed[file if isinstance(file, str) else file.path]
        with ExitStack() as opened:
            try:
                handle = self._open_file(opened, listed.path)
            except OSError as error:
                if error.errno not in _NO_LONGER_THERE:
                    raise
                raise ProductChangedError(self.name) from error
            with os.fdopen(handle, "rb", buffering=0, closefd=False) as reader:
                self._require_listed(handle, listed)
                yield reader
                self._require_listed(handle, listed)

    def records(self, advance: Advance = ignore_progress, *, is_data: bool = True) -> list[FileRecord]:
        """Read the files of the last list that are data, or the others, and return the record of each.

        Each file is synced to its disk first. Then a program that has the file in its memory (`mmap`) changes its
        times with the next byte that it writes there. Before that, its writing would not be seen.
        Raises ProductChangedError.
        """
        records = []
        for file in self._listed.values() if self._listed else self.entries():
            if file.kind is FileKind.FILE and file.is_data == is_data:
                with self.open(file) as reader:
                    _sync(reader.fileno())
                    records.append(read_record(reader, file.path, advance))
        return sorted(records, key=lambda record: record.path)

    def _open_file(self, opened: ExitStack, path: str) -> int:
        """Open a file below the top, or the top itself, for reading from its beginning."""
        if not path:
            # The top may have been renamed, so it is opened again by its descriptor and not by its name.
            return _open(opened, f"/proc/self/fd/{self._top}", os.O_RDONLY | os.O_CLOEXEC, None)
        here = self._top
        *folders, name = path.split("/")
        for folder in folders:
            here = _open(opened, folder, DIRECTORY, here)
            self._require_inside(here, path)
        handle = _open(opened, name, _FILE, here)
        self._require_inside(handle, path)
        return handle

    def _require_inside(self, handle: int, path: str) -> None:
        if place_of(handle) != self._place:
            raise NotAProductError(
                ReasonCode.OTHER_FILE_SYSTEM,
                f"{self.name}/{path} is on another file system than the data product",
                name=f"{self.name}/{path}",
            )

    def _require_listed(self, handle: int, listed: FileState) -> None:
        status = os.fstat(handle)
        now = (status.st_ino, status.st_dev)
        if not stat.S_ISREG(status.st_mode) or now != (listed.inode, listed.device):
            raise ProductChangedError(self.name)
        if listed.is_data and self._state(listed.path, status) != listed:
            raise ProductChangedError(self.name)

    def _walk(self, directory: int, above: str, depth: int = 1) -> Iterator[FileState]:
        if depth > _DEEPEST:
            raise NotAProductError(
                ReasonCode.NOT_A_PRODUCT, f"{self.name} has more than {_DEEPEST} levels of directories"
            )
        for name in os.listdir(directory):
            path = f"{above}{name}"
            with ExitStack() as opened:
                handle = _open(opened, name, _LOOK, directory)
                entry = self._state(path, os.fstat(handle))
                self._require_inside(handle, path)
                yield entry
                if entry.kind is FileKind.DIRECTORY:
                    yield from self._walk(_open(opened, ".", DIRECTORY, handle), f"{path}/", depth + 1)

    def _state(self, path: str, status: os.stat_result) -> FileState:
        kind = _kind_of(status)
        name = f"{self.name}/{path}" if path else self.name
        if kind is FileKind.OTHER and not self._any_kind:
            raise NotAProductError(
                ReasonCode.NOT_A_PRODUCT, f"{name} is neither a file nor a directory", name=name
            )
        return FileState(
            path,
            kind,
            status.st_size,
            status.st_ino,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_dev,
            is_data(self.name, path),
        )


@contextmanager
def open_product(path: Path, *, name: str = "") -> Iterator[OpenProduct]:
    """Open the data product at a path without links.

    Raises FileNotFoundError if nothing is there. Raises NotAProductError if it is neither a file nor a directory,
    or if there is a link on the way to it.
    """
    with open_folder(path.parent) as folder, open_inside(folder, path.name, name=name) as product:
        yield product


def size_and_checksum(path: Path, advance: Advance = ignore_progress) -> tuple[int, str]:
    """Read the data of the product at a path, and return their size in bytes and their checksum.

    `advance` receives the number of bytes of each chunk after it is read. Raises FileNotFoundError,
    NotAProductError, and ProductChangedError if the product changes meanwhile.
    """
    with open_product(path) as product:
        records = product.records(advance)
    return sum(record.size for record in records), product_checksum(records)


@contextmanager
def open_inside(folder: int, entry: str, *, name: str = "", any_kind: bool = False) -> Iterator[OpenProduct]:
    """Open the data product with this name in an open directory."""
    with ExitStack() as opened:
        top = _open(opened, entry, _LOOK, folder)
        if _kind_of(os.fstat(top)) is FileKind.DIRECTORY:
            top = _open(opened, ".", DIRECTORY, top)
        yield OpenProduct(top, name or entry, any_kind=any_kind)


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Open a directory without following any link on the way. Raises NotAProductError if there is one."""
    with ExitStack() as opened:
        here = _open(opened, "/", _PASS, None)
        for part in folder.absolute().parts[1:]:
            try:
                here = _open(opened, part, _PASS, here)
            except OSError as error:
                _refuse_link(here, part, folder, error)
                raise
        yield _open(opened, ".", DIRECTORY, here)


def identity_of(entries: list[FileState], *, top_ctime_ns: int | None = None) -> str:
    """Return the identity of a product: a SHA-256 that changes if any of its data may have changed.

    Files that are not data are left out. `top_ctime_ns`: the change time to use for the product itself, because a
    rename changes this time.
    """
    digest = hashlib.sha256()
    for entry in entries:
        if not entry.is_data:
            continue
        state = entry if entry.path or top_ctime_ns is None else replace(entry, ctime_ns=top_ctime_ns)
        numbers = f"{state.kind} {state.size} {state.inode} {state.mtime_ns} {state.ctime_ns}\n"
        digest.update(os.fsencode(state.path) + b"\0" + numbers.encode())
    return digest.hexdigest()


def is_data(name: str, path: str) -> bool:
    """Return whether a file of a data product is data. The product itself always is."""
    return not path or instrument().is_data(name, path)


def size_of(entries: list[FileState], *, all_files: bool = False) -> int:
    """Return the number of bytes of a product's data, or of all its files."""
    return sum(entry.size for entry in entries if entry.kind is FileKind.FILE and (entry.is_data or all_files))


def place_of(handle: int) -> tuple[int, str]:
    """Return the file system and the mount that an open file is on. A bind mount of a disk is another mount."""
    with Path(f"/proc/self/fdinfo/{handle}").open(encoding="ascii") as lines:
        return os.fstat(handle).st_dev, next(line for line in lines if line.startswith("mnt_id:"))


def _open(opened: ExitStack, name: str, flags: int, inside: int | None) -> int:
    handle = os.open(name, flags, dir_fd=inside)
    opened.callback(os.close, handle)
    return handle


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no sync
            raise


def _kind_of(status: os.stat_result) -> FileKind:
    if stat.S_ISREG(status.st_mode):
        return FileKind.FILE
    return FileKind.DIRECTORY if stat.S_ISDIR(status.st_mode) else FileKind.OTHER


def _refuse_link(inside: int, part: str, folder: Path, error: OSError) -> None:
    with suppress(OSError):
        if stat.S_ISLNK(os.stat(part, dir_fd=inside, follow_symlinks=False).st_mode):
            raise NotAProductError(
                ReasonCode.LINK_IN_PATH, f"The path {folder} contains a symbolic link, which ATDB does not follow"
            ) from error
