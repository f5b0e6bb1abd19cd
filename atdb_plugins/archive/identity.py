"""The identity of an archive, so that an archive whose disk is not mounted is never mistaken for an empty one.

The file `.atdb-archive` in the root of an archive contains a UUID. ATDB records it with each copy. An operator
declares an archive that replaces another one, by a file that contains only the word `new`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.identity_files import create_file, identity_in, new_identity, read_file
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.errors import ArchiveError, not_mounted

MARKER = ".atdb-archive"
_NEW = b"new"


@dataclass(frozen=True)
class Identity:
    """The identity of an archive. `is_declared`: an operator has declared that the archive is new."""

    name: str
    is_declared: bool = False


def read_identity(filesystem: AbstractFileSystem, root: str) -> Identity | None:
    """Return the identity of an archive; None if it has none. One that is declared new receives one.

    Raises ArchiveError if the file contains something else.
    """
    content = _read(filesystem, root)
    if content is not None and content.strip() == _NEW:
        _replace(filesystem, root, _NEW + b" " + new_identity())
        content = _read(filesystem, root)
    if content is None:
        return None
    try:
        return Identity(identity_in(content.removeprefix(_NEW + b" ")), is_declared=content.startswith(_NEW))
    except ValueError as error:
        raise _unreadable(root) from error


def create_identity(filesystem: AbstractFileSystem, root: str) -> Identity:
    """Return the identity of an archive; one without any receives one. Raises ArchiveError and OSError."""
    if isinstance(filesystem, LocalFileSystem):
        with _opened(root) as folder:
            create_file(folder, MARKER, new_identity())
    elif _read(filesystem, root) is None:
        filesystem.makedirs(root, exist_ok=True)
        filesystem.pipe_file(f"{root}/{MARKER}", new_identity())
    created = read_identity(filesystem, root)
    if created is None:
        raise _unreadable(root)
    return created


def require_identity(filesystem: AbstractFileSystem, root: str, identity: str | None) -> None:
    """Raise ArchiveError unless an archive has this identity. None, of earlier versions, can be any archive."""
    if identity is None:
        return
    present = read_identity(filesystem, root)
    if present is None or present.name != identity:
        has = f"has the identity {present.name}" if present else "has no identity"
        raise ArchiveError(
            ReasonCode.OTHER_ARCHIVE,
            f"The data are in the archive {identity}, but the archive at {root} {has}. Mount its disk. If the "
            f"archive was moved to this place, copy its file {MARKER} as well. If this archive replaces it, use "
            "the action ingest.",
        )


def _read(filesystem: AbstractFileSystem, root: str) -> bytes | None:
    if not isinstance(filesystem, LocalFileSystem):
        filesystem.invalidate_cache()
        try:
            return bytes(filesystem.cat_file(f"{root}/{MARKER}"))
        except FileNotFoundError:
            return None
    try:
        with _opened(root) as folder:
            return read_file(folder, MARKER)
    except FileNotFoundError as error:
        raise not_mounted(root) from error
    except ValueError as error:
        raise _unreadable(root) from error


def _replace(filesystem: AbstractFileSystem, root: str, content: bytes) -> None:
    if not isinstance(filesystem, LocalFileSystem):
        filesystem.pipe_file(f"{root}/{MARKER}", content)
        return
    with _opened(root) as folder:
        os.unlink(MARKER, dir_fd=folder)
        create_file(folder, MARKER, content)


@contextmanager
def _opened(root: str) -> Iterator[int]:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _unreadable(root: str) -> ArchiveError:
    return ArchiveError(
        ReasonCode.OTHER_ARCHIVE,
        f"The file {MARKER} of the archive {root} does not contain the identity of an archive. Restore it.",
    )
