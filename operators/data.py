"""The data products of an observation on this machine's disks."""

import os
from pathlib import Path

from atdb_interface.data_hosts import local_path
from atdb_interface.models import DataProduct


class DataError(Exception):
    """The data disks are not as they should be."""


def data_root() -> Path:
    """Give the folder below which the data of all data hosts lie; DataError where it is not there."""
    root = os.environ.get("ATDB_DATA_ROOT")
    if not root or not Path(root).is_dir():
        raise DataError(f"the data root ATDB_DATA_ROOT={root} is not there")
    return Path(root).resolve()


def path_of(product: DataProduct) -> Path:
    """Give a product's path.

    Raises DataError where the data host is not mounted, as nothing can be said of its data then, and where a
    link on the way would lead out of the data root.
    """
    root = data_root()
    path = local_path(root, product.data_location) / product.filename
    host = root / path.relative_to(root).parts[0]
    if not host.is_dir():
        raise DataError(f"the data host {host.name} is not mounted in {root}")
    if path.parent.resolve() != path.parent:
        raise DataError(f"a link on the way to {path}")
    return path
