"""The long-term archive at any fsspec URL. All work in it is done in the folder of an observation."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.dataproducts import DataProduct
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import quote
from atdb_plugins.archive.errors import ArchiveError, not_mounted
from atdb_plugins.archive.folder import ArchiveFolder
from atdb_plugins.archive.identity import Identity, create_identity, read_identity, require_identity


@dataclass(frozen=True)
class Archive:
    """An archive below one URL. `place`: the device and inode of a local root when the archive was opened."""

    filesystem: AbstractFileSystem
    root: str
    place: tuple[int, int] | None = None

    @classmethod
    def open(cls, url: str, **storage_options: Any) -> Self:
        """Open the archive at a URL such as `file:///alta` or `s3://alta/main`.

        Raises ArchiveError if a local folder does not exist: its disk may not be mounted.
        """
        filesystem, root = fsspec.url_to_fs(url, **storage_options)
        if not isinstance(filesystem, LocalFileSystem):
            return cls(filesystem, root.rstrip("/"))
        if not filesystem.isdir(root):
            raise not_mounted(url)
        return cls(filesystem, root.rstrip("/"), _place_of(root))

    def folder(self, products: Iterable[DataProduct]) -> ArchiveFolder:
        """Return the folder of an observation: the one in which ATDB has assigned a place to its data products.

        Raises ArchiveError if ATDB has assigned no folder, or more than one, or one outside the archive.
        """
        places = {_folder_of(product) for product in products}
        if len(places) != 1:
            raise ArchiveError(
                ReasonCode.OUTSIDE_ARCHIVE,
                f"The data products have {len(places)} folders in the archive instead of one: "
                f"{', '.join(sorted(places)) or 'there are no products'}. Use the action check.",
            )
        return ArchiveFolder(self.filesystem, self.root, f"{self.root}/{places.pop()}")

    def identity(self) -> Identity | None:
        """Return the identity of the archive; None if it has none. Raises ArchiveError if it cannot be read."""
        return read_identity(self.filesystem, self.root)

    def create_identity(self) -> Identity:
        """Return the identity of the archive; one without any receives one."""
        return create_identity(self.filesystem, self.root)

    def require(self, identity: str | None = None) -> None:
        """Raise ArchiveError if the archive does not respond or is not mounted, or has another identity."""
        try:
            self.filesystem.info(self.root)
        except FileNotFoundError:
            is_there = False
        except Exception as error:
            raise ArchiveError(
                ReasonCode.ARCHIVE_UNREACHABLE,
                f"The archive did not respond: {quote(error)}. Check that it is running.",
            ) from error
        else:
            is_there = True
        if isinstance(self.filesystem, LocalFileSystem) and not is_there:
            raise not_mounted(self.root)
        if self.place is not None and _place_of(self.root) != self.place:
            raise ArchiveError(
                ReasonCode.ARCHIVE_NOT_MOUNTED,
                f"Another disk is mounted at the folder of the archive {self.root} than before. Mount its disk.",
            )
        require_identity(self.filesystem, self.root, identity)


def _folder_of(product: DataProduct) -> str:
    """Return the folder of a product below the root. Raises ArchiveError unless ATDB can have assigned it."""
    location = product.archive_location or ""
    folder, _, filename = location.rpartition("/")
    parts = folder.split("/")
    is_plain = not {".", ".."}.intersection(location.split("/")) and "\0" not in location
    if not (is_plain and len(parts) > 1 and (parts[-1], filename) == (product.taskID, product.filename)):
        raise ArchiveError(
            ReasonCode.OUTSIDE_ARCHIVE,
            f"{product.filename} has the place {location} in the archive, which ATDB does not assign. "
            "Check the database of ATDB.",
        )
    return folder


def _place_of(root: str) -> tuple[int, int]:
    status = Path(root).stat()
    return status.st_dev, status.st_ino
