"""One attempt to copy the products of an observation into the archive."""

import logging
import os
import time
from collections.abc import Iterable

from atdb_interface.checksum import FileRecord, NotAProductError, product_checksum
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.errors import NotOwner
from atdb_interface.lifecycle import VALIDATE, ProductStatus
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import reason_of
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import DamagedManifestError
from atdb_plugins.archive.folder import ArchiveFolder
from operators.data.data_disks import require_mounted
from operators.data.inspection import NOT_OPENED, fault_of
from operators.data.known_archive import known_identity
from operators.data.local_products import DataError, path_of
from operators.lease import LeaseKeeper, LeaseLostError

log = logging.getLogger(__name__)

#: Products that reach the archive within this time are reported to ATDB together.
REPORT_EVERY_SECONDS = 2.0
#: Each byte is read twice: from the data host, and back from the archive.
PASSES = 2


class ArchiveTransfer:
    """Store products and report them to ATDB.

    The manifest is written before each report, so it has all products that ATDB calls archived.
    """

    def __init__(
        self, client: Client, archive: Archive, observation: Observation, owner: str, lease: LeaseKeeper
    ) -> None:
        self._client, self._archive, self._observation = client, archive, observation
        self._owner, self._lease = owner, lease
        self._identity: str | None
        self._folder: ArchiveFolder
        self._in_archive: dict[str, tuple[DataProduct, list[FileRecord]]]
        self._stored: set[str]
        self._unreported: list[ProductMove] = []
        self._reported_at = time.monotonic()

    def begin(self, products: list[DataProduct], others: list[DataProduct]) -> int:
        """Set the status of the products to copy; return how many bytes earlier attempts have archived.

        The manifest keeps its entry of a product until a newer copy is stored. It also keeps the entries of the
        `others`, which are not copied because they were removed from the data host or are not valid any more.
        """
        self._folder = self._archive.folder([*products, *others])
        self._folder.require_own(self._observation)
        self._identity = known_identity(self._client, self._archive, self._observation.taskID)
        listed = self._listed(others)
        self._in_archive = {
            p.filename: (p, listed[p.filename]) for p in [*products, *others] if p.filename in listed
        }
        self._stored = {p.filename for p in products if self._is_stored(p, listed.get(p.filename))}
        self._move(
            ProductMove(filename=p.filename, new_status=ProductStatus.INGESTING)
            for p in products
            if p.my_status is not ProductStatus.ARCHIVED
        )
        total, done = _bytes_of(products), _bytes_of(p for p in products if p.filename in self._stored)
        self._lease.begin(PASSES * total, PASSES * done)
        return PASSES * done

    def _listed(self, others: list[DataProduct]) -> dict[str, list[FileRecord]]:
        """Return the files of each product in the manifest.

        If it is damaged, return those of the `others`, from their copies. Those of the products are read later.
        """
        try:
            return self._folder.read_manifest()
        except DamagedManifestError as damaged:
            log.warning("%s", damaged)
        stored = {
            p.filename: self._folder.stored_records(p.filename, p.checksum, p.size, self._lease.advance)
            for p in others
            if p.checksum is not None
        }
        return {name: records for name, records in stored.items() if records is not None}

    def missing(self, products: list[DataProduct]) -> list[DataProduct]:
        """Return the products that this attempt has to copy into the archive."""
        return [product for product in products if product.filename not in self._stored]

    def store(self, product: DataProduct) -> None:
        """Archive one product.

        Raises DataError if its disk is not mounted, and InvalidDataError if it is missing or is no data product.
        """
        if product.checksum is None:
            raise DataError(ReasonCode.NO_CHECKSUM, f"{product.filename} has no checksum. Use the action check.")
        path = path_of(product)
        try:
            records = self._folder.store(
                path,
                product.filename,
                checksum=product.checksum,
                size=product.size,
                identity=product.identity,
                advance=self._lease.advance,
            )
        except NOT_OPENED as error:
            if os.path.lexists(path) and not isinstance(error, NotAProductError):
                raise  # a part of the product has disappeared, or the archive lacks something
            require_mounted(product)
            raise fault_of(path, error) from error
        self._in_archive[product.filename] = (product, records)
        self._unreported.append(
            ProductMove(
                filename=product.filename,
                new_status=ProductStatus.ARCHIVED,
                archive_copy=self._folder.url(product.filename),
                archive_identity=self._identity,
            )
        )

    def report_soon(self) -> None:
        """Report to ATDB, unless the last report is more recent than REPORT_EVERY_SECONDS."""
        if time.monotonic() - self._reported_at > REPORT_EVERY_SECONDS:
            self.report()

    def report(self) -> None:
        """Write the manifest, and report to ATDB what has reached the archive.

        The manifest has the specification as it is now. It is replaced only while this run has the lease. Raises
        ArchiveError if the archive was unmounted meanwhile, because the copies may be in an empty folder then.
        """
        if self._unreported:
            observation = self._client.observation(self._observation.taskID)
            self._folder.write_manifest(observation, self._listing(), confirm=self._lease.confirm)
            self._archive.require(self._identity)
            self._move(self._unreported)
            self._unreported = []
        self._reported_at = time.monotonic()

    def end(self) -> None:
        """Report all that is not reported yet. Then the manifest has the present specification."""
        self.report()
        self._lease.confirm()
        self._folder.update_manifest(self._client.observation(self._observation.taskID))

    def fail(self, product: DataProduct, error: Exception) -> None:
        """Report why a product did not reach the archive, and which others did, if ATDB responds.

        A report that fails does not hide the error; the next attempt finds the products in the archive and reports
        them.
        """
        failed = ProductMove(
            filename=product.filename, new_status=ProductStatus.INGEST_ERROR, reason=reason_of(error)
        )
        try:
            self._move([failed])
            self.report()
        except (LeaseLostError, NotOwner):
            raise
        except Exception as record_error:
            log.warning(
                "Not all results are recorded in ATDB yet (%s): %s",
                product.filename,
                reason_of(record_error),
            )

    def _listing(self) -> list[tuple[DataProduct, list[FileRecord]]]:
        return [held for _, held in sorted(self._in_archive.items())]

    def _is_stored(self, product: DataProduct, listed: list[FileRecord] | None) -> bool:
        """Return whether an attempt since the last validation has stored a product.

        If so, it is not read again.
        """
        return (
            product.my_status is ProductStatus.ARCHIVED
            and _last(product, ProductStatus.ARCHIVED) >= _last(self._observation, VALIDATE.working)
            and listed is not None
            and product_checksum(listed) == product.checksum
            and product.size is not None
            and self._folder.size(product.filename, expected=product.size) == product.size
        )

    def _move(self, moves: Iterable[ProductMove]) -> None:
        if moves := list(moves):
            self._client.move_products(self._observation.taskID, moves, owner=self._owner)


def _last(history: DataProduct | Observation, status: str | None) -> int:
    """Return the id of the last transition of an observation or a product to a status; 0 if there is none.

    The ids increase in the order in which ATDB has made the transitions.
    """
    return max((step.id for step in history.status_history if step.name == status), default=0)


def _bytes_of(products: Iterable[DataProduct]) -> int:
    return sum(product.size or 0 for product in products)
