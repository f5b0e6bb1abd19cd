"""Partial files in the archive: each attempt writes a hidden `.part` of its own until the copy is complete.

    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.part

On a local disk, one rename gives a part its final name or takes it away to be deleted. If two processes do this at
the same time, only one succeeds. An object store has no such rename: a directory appears there file by file, and
the manifest shows which products are complete.
"""

import errno
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

_PART = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.part")
#: The errors of a rename if the name is taken by something that cannot be replaced.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)


def new_part(folder: str, name: str) -> str:
    """Return a unique path for a part that will have this name."""
    return f"{folder}/.{name}.{secrets.token_hex(6)}.part"


def name_of_part(path: str) -> str | None:
    """Return the name that a part will have; None if the path is not that of a part."""
    part = _PART.fullmatch(path.rpartition("/")[2])
    return part["name"] if part else None


@dataclass(frozen=True)
class PartialFile:
    """A part that is being written, or that an attempt has left. Raises ValueError for any other path."""

    filesystem: AbstractFileSystem
    path: str

    def __post_init__(self) -> None:
        if not name_of_part(self.path):
            raise ValueError(f"{self.path} is no partial file")

    @property
    def name(self) -> str | None:
        """Return the name that it will have."""
        return name_of_part(self.path)

    def delete(self) -> None:
        """Delete it, unless another process gives it its final name first."""
        discard(self.filesystem, self.path)


def publish(filesystem: AbstractFileSystem, part: str, final: str, root: str) -> None:
    """Rename a part to its final name, replacing an older copy; on a local disk it survives a power cut."""
    if not isinstance(filesystem, LocalFileSystem):
        delete(filesystem, final)
        filesystem.mv(part, final, recursive=True)
        return
    for inside, _, _ in os.walk(part):
        _folder_to_disk(inside)
    try:
        Path(part).rename(final)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        folder, _, name = final.rpartition("/")
        replaced = Path(final).rename(new_part(folder, name))
        Path(part).rename(final)
        discard(filesystem, str(replaced))
    for above in Path(final).parents:
        _folder_to_disk(above)
        if str(above) == root:
            break


def discard(filesystem: AbstractFileSystem, part: str) -> None:
    """Delete a part, even while it is written; if it has its final name already, it stays."""
    if isinstance(filesystem, LocalFileSystem):
        folder, _, _ = part.rpartition("/")
        doomed = new_part(folder, name_of_part(part) or "")
        try:
            Path(part).rename(doomed)
        except FileNotFoundError:
            return
        part = doomed
    delete(filesystem, part)


def delete(filesystem: AbstractFileSystem, path: str) -> None:
    """Delete a file or directory, if it is there."""
    with suppress(FileNotFoundError):
        filesystem.rm(path, recursive=True)


def to_disk(file: Any) -> None:
    """Sync a file of a local archive: the source may be removed later, so the copy must survive a power cut."""
    file.flush()
    with suppress(AttributeError, UnsupportedOperation):
        os.fsync(file.fileno())


def _folder_to_disk(folder: str | Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
