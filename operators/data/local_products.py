"""The data products of an observation on the disks of this machine."""

import os
from pathlib import Path

from atdb_interface.data_hosts import local_path
from atdb_interface.dataproducts import DataProduct
from atdb_interface.product_files import open_folder, open_inside, size_of
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError
from atdb_interface.renames import exists
from atdb_plugins.archive.identity import MARKER as ARCHIVE_MARKER
from operators.data.renames import asides_of


class DataError(CodedError):
    """A data disk, or a file on it, cannot be used. `path`: the data root, data host or file with the problem."""

    def __init__(self, code: ReasonCode, text: str, *, path: Path | None = None) -> None:
        super().__init__(code, text)
        self.path = path


def data_root() -> Path:
    """Return the folder below which the data of all data hosts are. Raises DataError if it does not exist."""
    root = os.environ.get("ATDB_DATA_ROOT")
    if not root or not Path(root).is_dir():
        raise DataError(
            ReasonCode.DATA_ROOT_MISSING,
            f"The data root ATDB_DATA_ROOT={root} does not exist. Mount it, or correct the setting.",
            path=Path(root or ""),
        )
    return Path(root).resolve()


def path_of(product: DataProduct) -> Path:
    """Return the path of a product.

    Raises DataError if the data host is not mounted, or if the path contains a symbolic link.
    """
    root = data_root()
    path = local_path(root, product.data_location) / product.filename
    host = host_folder(path)
    if not host.is_dir():
        raise DataError(
            ReasonCode.DATA_HOST_NOT_MOUNTED,
            f"The data host {host.name} is not mounted below {root}. Mount its disk.",
            path=host,
        )
    if path.parent.resolve() != path.parent:
        raise DataError(
            ReasonCode.LINK_IN_PATH,
            f"The path {path} contains a symbolic link, which ATDB does not follow. Mount or bind the disk there.",
            path=path,
        )
    _require_outside_archive(path, root)
    return path


def _require_outside_archive(path: Path, root: Path) -> None:
    """Raise DataError if a path is in the archive: a removal would delete the archive's copy."""
    for folder in path.parents:
        if (folder / ARCHIVE_MARKER).exists():
            raise DataError(
                ReasonCode.IN_THE_ARCHIVE,
                f"The path {path} is in the archive at {folder}, so its data are no copy of what the archive has. "
                "Do not mount the archive below the data root.",
                path=path,
            )
        if folder == root:
            return


def require_data(path: Path) -> None:
    """Raise DataError if the folder of the data host is empty: then its disk may not be mounted."""
    host = host_folder(path)
    if not any(host.iterdir()):
        raise DataError(
            ReasonCode.DATA_HOST_EMPTY,
            f"The folder of the data host {host.name} is empty, as if its disk is not mounted. Mount its disk.",
            path=host,
        )


def size_on_disk(path: Path, *, expected: int | None = None) -> int | None:
    """Return how many bytes of data a product has on its disk; None if nothing is there.

    A product that a killed removal has renamed aside is still there. Earlier versions also counted files that are
    not data: if that is the expected size, it is returned. Raises NotAProductError for anything that is no data
    product, such as a link, and OSError if the disk cannot be read.
    """
    try:
        with open_folder(path.parent) as folder:
            names = [path.name] if exists(folder, path.name) else asides_of(folder, path.name)
            if not names:
                return None
            with open_inside(folder, names[0], name=path.name) as product:
                entries = product.entries()
                return expected if size_of(entries, all_files=True) == expected else size_of(entries)
    except (FileNotFoundError, NotADirectoryError):
        return None


def host_folder(path: Path) -> Path:
    """Return the folder of the data host in which a path is."""
    root = data_root()
    return root / path.relative_to(root).parts[0]
