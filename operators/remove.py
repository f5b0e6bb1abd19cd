"""remove: delete the copies on the data host of what the archive holds."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import REMOVE, ProductStatus, Status
from atdb_interface.models import DataProduct, Observation
from atdb_interface.work import ProductMove
from atdb_plugins.archive import Archive
from atdb_plugins.hooks.archive import ArchiveHook
from operators.data import DataError, path_of
from operators.lease import LeaseKeeper
from operators.stage import StageOperator


class RemoveOperator(StageOperator):
    """Delete each archived product, after its bytes in the archive were verified again at that moment."""

    stage = REMOVE

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Verify and delete one product after the other; ATDB is told of all that are gone, whatever comes."""
        archive = ArchiveHook(self.archive_conn_id).archive()
        folder = archive.folder(observation)
        gone: list[ProductMove] = []

        def tell() -> None:
            if gone:
                client.move_products(observation.taskID, gone, owner=owner)

        try:
            for product in client.dataproducts(
                taskID=observation.taskID, my_status=ProductStatus.ARCHIVED, ordering="filename"
            ):
                lease.check()
                path = verified_path(product, archive, folder)
                lease.check()
                _delete(path)
                gone.append(ProductMove(filename=product.filename, new_status=ProductStatus.REMOVED))
        except Exception:
            with suppress(AtdbError):  # what ended the try is the reason to record, not this
                tell()
            raise
        tell()
        return Status.REMOVED, ""


def verified_path(product: DataProduct, archive: Archive, folder: str) -> Path:
    """Give the path of a product that may be deleted: the archive's bytes are what was observed, now.

    Raises ArchiveError where they are not, and DataError where the disk with the product is not there.
    """
    path = path_of(product)
    if not path.parent.is_dir():
        raise DataError(f"{path.parent} is not there")
    if product.checksum is None:
        raise DataError(f"{product.filename} has no checksum")
    archive.verify(folder, product.filename, product.checksum)
    return path


def _delete(path: Path) -> None:
    """Delete a file, or a directory with all in it, following no link."""
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
