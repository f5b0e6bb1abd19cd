"""Files that contain a UUID, by which a disk is recognised: an empty folder in its place has no such file."""

import errno
import os
import re
import secrets
from contextlib import suppress
from uuid import uuid4

from atdb_interface.renames import rename_new

_IDENTITY = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")
_LONGEST = 64
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def new_identity() -> bytes:
    """Return the content of a file with a new identity."""
    return f"{uuid4()}\n".encode()


def identity_in(content: bytes) -> str:
    """Return the identity in the content of a file. Raises ValueError if it is something else."""
    if not _IDENTITY.fullmatch(content):
        raise ValueError("This is not the identity of a disk.")
    return content.decode().strip()


def read_file(folder: int, name: str) -> bytes | None:
    """Return the beginning of a file in an open directory; None if there is none. Raises ValueError for a link."""
    try:
        handle = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("This is a symbolic link.") from error
        raise
    try:
        return os.read(handle, _LONGEST)
    finally:
        os.close(handle)


def create_file(folder: int, name: str, content: bytes) -> None:
    """Write a file into an open directory unless there is one, so that it survives a power cut.

    It is written under another name first, so that it never exists without its content.
    """
    part = f"{name}.{secrets.token_hex(6)}"
    handle = os.open(part, _CREATE, 0o644, dir_fd=folder)
    try:
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        with suppress(FileExistsError):  # another run has just written it
            rename_new(folder, part, name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
    os.fsync(folder)
