"""Which copies on the data host can be deleted, and why the others cannot."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from atdb_interface.checksum import Advance, ignore_progress
from atdb_interface.client import Client
from atdb_interface.data_hosts import local_path
from atdb_interface.dataproducts import DataProduct
from atdb_interface.lifecycle import Group, ProductStatus, product_statuses
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import reason_of, without_code
from atdb_plugins.archive.folder import ArchiveError, ArchiveFolder
from operators.data.local_products import DataError, data_root, path_of, require_data, size_on_disk

#: An admin can force the deletion of products with these statuses, though the archive does not hold them.
FORCIBLE = product_statuses(lambda row: row.on_disk or row.group is Group.ATTENTION)


@dataclass(frozen=True)
class RemovalForecast:
    """What a removal would do with a product. `is_deletable`: no copy would be left on the data host."""

    product: DataProduct
    path: str
    archive_copy: str
    is_deletable: bool
    verdict: str

    def __str__(self) -> str:
        size = "unknown size" if self.product.size is None else f"{self.product.size} bytes"
        return f"{self.product.filename}  {size}  {self.path}  {self.archive_copy}  {self.verdict}"


class RemovalCheck:
    """Check which data of one observation can be deleted; this deletes nothing itself."""

    def __init__(
        self, client: Client, folder: ArchiveFolder, observation: Observation, advance: Advance = ignore_progress
    ) -> None:
        self._client, self._folder, self._observation, self._advance = client, folder, observation, advance

    def products(self) -> list[DataProduct]:
        """Return all products of the observation."""
        return list(self._client.dataproducts(taskID=self._observation.taskID, ordering="filename"))

    def judge(self, product: DataProduct) -> Path:
        """Return the path of a product that can be deleted now, because the archive holds what was observed.

        If an admin has forced the removal, the archive is not checked. Raises ArchiveError; and DataError if the
        disk is not mounted, if the file is also a product of another observation, and if it has grown.
        """
        path = path_of(product)
        self._require_no_other_owner(product)
        if product.removal_forced_by is not None:
            require_data(path)
            return path
        if not path.parent.is_dir():
            raise DataError(
                ReasonCode.DATA_FOLDER_MISSING,
                f"The folder {path.parent} does not exist. Check that its disk is mounted.",
            )
        if product.checksum is None:
            raise DataError(
                ReasonCode.NO_CHECKSUM,
                f"{product.filename} has no checksum, so its copy cannot be verified. "
                "Use the action ingest. If that fails for the same reason, use check.",
            )
        _require_not_grown(product, path)
        self._folder.verify(product.filename, product.checksum, self._advance, size=product.size)
        return path

    def forecast(self) -> Iterator[RemovalForecast]:
        """Yield for each product whether it would be deleted, or why not; this only reads the data."""
        for product in self.products():
            is_deletable, verdict = self._verdict(product)
            copy = product.archive_copy or self._folder.url(product.filename)
            yield RemovalForecast(product, _path_in_words(product), copy, is_deletable, verdict)

    def _verdict(self, product: DataProduct) -> tuple[bool, str]:
        if product.my_status is ProductStatus.REMOVED:
            return True, "already removed"
        if not is_removable(product):
            return False, f"stays: its status is {product.my_status}"
        try:
            self.judge(product)
        except (ArchiveError, DataError, OSError, ValueError) as error:
            return False, f"stays: {without_code(reason_of(error))}"
        if product.removal_forced_by is not None:
            return True, f"would be deleted unverified: {product.removal_forced_by} has forced the removal"
        return True, "would be deleted"

    def _require_no_other_owner(self, product: DataProduct) -> None:
        root = data_root()
        place = local_path(root, product.data_location)
        for other in self._client.dataproducts(filename=product.filename):
            is_other = other.taskID != product.taskID and other.my_status is not ProductStatus.REMOVED
            if is_other and local_path(root, other.data_location) == place:
                raise DataError(
                    ReasonCode.DATA_SHARED,
                    f"{product.filename} is also a data product of {other.taskID}, with status {other.my_status}. "
                    "Find out which observation the file belongs to, before you delete anything.",
                )


def is_removable(product: DataProduct) -> bool:
    """Return whether a removal deletes a product: it is archived, or an admin has forced its removal."""
    is_forced = product.removal_forced_by is not None and product.my_status in FORCIBLE
    return is_forced or product.my_status is ProductStatus.ARCHIVED


def bytes_to_verify(products: Iterable[DataProduct]) -> int:
    """Return how many bytes in the archive are read before these products are deleted."""
    return sum(product.size or 0 for product in products if product.removal_forced_by is None)


def _require_not_grown(product: DataProduct, path: Path) -> None:
    """Raise DataError if data have been added; after a killed attempt, there may be less data than before."""
    with suppress(ValueError):  # a link is deleted itself, and no data with it
        size = size_on_disk(path) or 0
        if size > (product.size or 0):
            raise DataError(
                ReasonCode.DATA_GROWN,
                f"{product.filename} has grown to {size} bytes since it was validated. "
                "Use the action ingest. If that fails because the data have changed, use check.",
            )


def _path_in_words(product: DataProduct) -> str:
    try:
        return str(path_of(product))
    except (DataError, ValueError):
        return f"{product.data_location.rstrip('/')}/{product.filename}"
