"""The identity of each data disk, so that a disk that is not mounted is never mistaken for missing data.

validate writes the file `.atdb-disk` to the top directory of a disk after it has read a data product there. The
file contains a UUID, which ATDB records with each product on that disk.
"""

import errno
import logging
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from atdb_interface.dataproducts import DataProduct
from atdb_interface.product_files import open_folder, place_of
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.renames import rename_new
from operators.data.local_products import DataError, host_folder

log = logging.getLogger(__name__)

MARKER = ".atdb-disk"
_IDENTITY = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")
_LENGTH = 37
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def disk_of(path: Path) -> str | None:
    """Return the identity of the disk on which a product is or should be; None if the disk has none."""
    with open_folder(_top_of_disk(path)) as top:
        return _read(top, path)


def register_disk(path: Path) -> str | None:
    """Return the identity of the disk on which a product is. A writable disk without one receives one."""
    folder = _top_of_disk(path)
    with open_folder(folder) as top:
        if (known := _read(top, path)) is not None:
            return known
        try:
            _write(top)
        except OSError as error:
            log.warning("The disk at %s has no identity, because %s cannot be written: %s", folder, MARKER, error)
            return None
        return _read(top, path)


def require_disk_of(product: DataProduct, path: Path) -> str | None:
    """Return the identity of the disk at a path. Raises DataError if another one is recorded for the product."""
    now = disk_of(path)
    if product.disk not in (None, now):
        found = f"has the identity {now}" if now else "has no identity"
        raise DataError(
            ReasonCode.OTHER_DISK,
            f"{product.filename} was on the data disk {product.disk}, but the disk that is mounted now {found}. "
            "Mount its disk. If the data were moved to this disk, use the action check.",
            path=path,
        )
    return now


def _top_of_disk(path: Path) -> Path:
    """Return the highest directory of the disk that is still in the folder of the data host."""
    host = host_folder(path)
    folder = path.parent
    while folder != host and not folder.is_dir():
        folder = folder.parent
    while folder != host and _place_of(folder.parent) == _place_of(folder):
        folder = folder.parent
    return folder


def _place_of(folder: Path) -> tuple[int, str]:
    with open_folder(folder) as handle:
        return place_of(handle)


def _read(top: int, path: Path) -> str | None:
    try:
        handle = os.open(MARKER, _READ, dir_fd=top)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _unreadable(path) from error
        raise
    try:
        content = os.read(handle, _LENGTH + 1)
    finally:
        os.close(handle)
    if not _IDENTITY.fullmatch(content):
        raise _unreadable(path)
    return content.decode().strip()


def _write(top: int) -> None:
    """Write the file under another name first, so that it never exists without its content."""
    part = f"{MARKER}.{secrets.token_hex(6)}"
    handle = os.open(part, _CREATE, 0o644, dir_fd=top)
    try:
        try:
            os.write(handle, f"{uuid4()}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        with suppress(FileExistsError):  # another run has just written it
            rename_new(top, part, MARKER)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=top)
    os.fsync(top)


def _unreadable(path: Path) -> DataError:
    return DataError(
        ReasonCode.OTHER_DISK,
        f"The file {MARKER} on the data disk of {path} does not contain the identity of a disk. "
        "Restore it. If that is not possible, delete it, then use the action check.",
        path=path,
    )
