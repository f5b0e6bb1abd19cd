"""The identity of each data disk, so that a disk that is not mounted is never mistaken for missing data.

validate writes the file `.atdb-disk` to the top directory of a disk after it has read a data product there. The
file contains a UUID, which ATDB records with each product on that disk.
"""

import logging
from pathlib import Path

from atdb_interface.dataproducts import DataProduct
from atdb_interface.identity_files import create_file, identity_in, new_identity, read_file
from atdb_interface.product_files import open_folder, place_of
from atdb_interface.reason_codes import ReasonCode
from operators.data import reserve
from operators.data.local_products import DataError, host_folder, path_of, require_data

log = logging.getLogger(__name__)

MARKER = ".atdb-disk"


def disk_of(path: Path) -> str | None:
    """Return the identity of the disk on which a product is or should be; None if the disk has none."""
    with open_folder(_top_of_disk(path)) as top:
        return _read(top, path)


def register_disk(path: Path) -> str | None:
    """Return the identity of the disk on which a product is. A writable disk without one receives one.

    It also receives a reserve of space for removals.
    """
    folder = _top_of_disk(path)
    with open_folder(folder) as top:
        reserve.keep(top)
        if (known := _read(top, path)) is not None:
            return known
        try:
            create_file(top, MARKER, new_identity())
        except OSError as error:
            log.warning("The disk at %s has no identity, because %s cannot be written: %s", folder, MARKER, error)
            return None
        return _read(top, path)


def keep_reserve(path: Path) -> None:
    """Create the reserve of the disk on which a product is or was, unless it exists or has no space."""
    with open_folder(_top_of_disk(path)) as top:
        reserve.keep(top)


def use_reserve(path: Path, content: bytes, folder: int, name: str) -> bool:
    """Write content into the reserve of the disk of a product, and rename that to a name in an open directory.

    Returns False if the disk has no reserve that can be used.
    """
    with open_folder(_top_of_disk(path)) as top:
        return reserve.use(top, content, folder, name)


def require_disk_of(product: DataProduct, path: Path) -> str | None:
    """Return the identity of the disk at a path. Raises DataError if another one is recorded for the product."""
    now = disk_of(path)
    if product.disk not in (None, now):
        has = f"has the identity {now}" if now else "has no identity"
        raise DataError(
            ReasonCode.OTHER_DISK,
            f"{product.filename} was on the data disk {product.disk}, but the disk that is mounted now {has}. "
            "Mount its disk. If the data were moved to this disk, use the action check.",
            path=path,
        )
    return now


def require_mounted(product: DataProduct) -> None:
    """Raise DataError if a product may be missing only because its disk is not mounted."""
    path = path_of(product)
    require_data(path)
    require_disk_of(product, path)


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
        content = read_file(top, MARKER)
        return None if content is None else identity_in(content)
    except ValueError as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> DataError:
    return DataError(
        ReasonCode.OTHER_DISK,
        f"The file {MARKER} on the data disk of {path} does not contain the identity of a disk. "
        "Restore it. If that is not possible, delete it, then use the action check.",
        path=path,
    )
