"""What is being written into the archive: a hidden `.part` of its own for each attempt, until it is whole.

    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.part

On a local disk a part gets its name, and is taken out of the way, by one rename: of two processes that are alive
at once, perhaps one publishing what the other deletes, only one can have it. An object store has no such rename;
there a directory appears under its name file by file, and its manifest says what is whole.
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
#: What a rename says where something that cannot be replaced has the name.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)


def new_part(folder: str, name: str) -> str:
    """Name a part of what is to have this name, as nobody else names one."""
    return f"{folder}/.{name}.{secrets.token_hex(6)}.part"


def name_of_part(path: str) -> str | None:
    """Tell which name a part is to have; None where the path is no part's."""
    part = _PART.fullmatch(path.rpartition("/")[2])
    return part["name"] if part else None


@dataclass(frozen=True)
class PartialFile:
    """What is being written into the archive, or was left half written there. ValueError for any other path."""

    filesystem: AbstractFileSystem
    path: str

    def __post_init__(self) -> None:
        if not name_of_part(self.path):
            raise ValueError(f"{self.path} is no part")

    @property
    def name(self) -> str | None:
        """The name that it is to have."""
        return name_of_part(self.path)

    def delete(self) -> None:
        """Delete it; should somebody be about to give it its name, either that is done or this."""
        discard(self.filesystem, self.path)


def publish(filesystem: AbstractFileSystem, part: str, final: str, root: str) -> None:
    """Give a whole part its name, in the place of what has it; on a local disk, that survives a power cut."""
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
    """Delete a part, whoever is writing it; what has got its name meanwhile stays."""
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
