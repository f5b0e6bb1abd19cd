"""The data products of an observation on the disks of this machine."""

import os
import shutil
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

from atdb_interface.checksum import files_of
from atdb_interface.data_hosts import local_path
from atdb_interface.dataproducts import DataProduct
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class DataError(CodedError):
    """The data disks are not as they should be. `path`: the data root, data host or file that this is about."""

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

    Raises DataError if the data host is not mounted, because nothing is known about its data then, and if the
    path contains a symbolic link.
    """
    root = data_root()
    path = local_path(root, product.data_location) / product.filename
    host = _host_folder(root, path)
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
    return path


def require_data(path: Path) -> None:
    """Raise DataError if the folder of the data host is empty, as it is if its disk is not mounted."""
    host = _host_folder(data_root(), path)
    if not any(host.iterdir()):
        raise DataError(
            ReasonCode.DATA_HOST_EMPTY,
            f"The folder of the data host {host.name} is empty, as if its disk is not mounted. Mount its disk.",
            path=host,
        )


def size_on_disk(path: Path) -> int | None:
    """Return how many bytes a file has, or a directory with all files in it; None if nothing is there.

    Raises NotAProductError for anything else, such as a link, and OSError if the disk cannot be read.
    """
    try:
        return sum(file.stat().st_size for _, file in files_of(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def delete_data(path: Path) -> None:
    """Delete a file, or a directory with all files in it, below the data root, if it is there.

    No link is followed, not even one that is created at this moment: each folder is opened from the one before
    it. A link in the place of the product itself is deleted.
    """
    root = data_root()
    *folders, name = path.relative_to(root).parts
    with ExitStack() as opened, suppress(FileNotFoundError):
        here = _open_folder(opened, str(root), None)
        for folder in folders:
            here = _open_folder(opened, folder, here)
        if stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=here)
        else:
            os.unlink(name, dir_fd=here)


def _open_folder(opened: ExitStack, name: str, inside: int | None) -> int:
    handle = os.open(name, _FOLDER, dir_fd=inside)
    opened.callback(os.close, handle)
    return handle


def _host_folder(root: Path, path: Path) -> Path:
    return root / path.relative_to(root).parts[0]
