"""ingest: bring every valid data product into the archive."""

import logging
import time
from typing import Any

from atdb_interface.checksum import FileRecord, product_checksum
from atdb_interface.client import Client
from atdb_interface.lifecycle import INGEST, ProductStatus, Status
from atdb_interface.models import DataProduct, Observation
from atdb_interface.work import ProductMove
from atdb_plugins.archive import Archive
from atdb_plugins.hooks.archive import ArchiveHook
from operators.data import path_of
from operators.lease import LeaseKeeper
from operators.stage import StageOperator

log = logging.getLogger(__name__)

#: Products that reach the archive within this time are told to ATDB together.
TELL_EVERY_SECONDS = 2.0

WANTED = (
    ProductStatus.VALID,
    ProductStatus.INGESTING,
    ProductStatus.INGEST_ERROR,
    ProductStatus.ARCHIVED,
)


class IngestOperator(StageOperator):
    """Copy, read back and compare each valid product; those archived by an earlier try are not copied again."""

    stage = INGEST

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Archive the products one after the other; the first that fails gets the reason and ends the try."""
        archive = ArchiveHook(self.archive_conn_id).archive()
        products = [p for p in client.dataproducts(taskID=observation.taskID) if p.my_status in WANTED]
        if not products:
            raise ValueError("there is no valid data product to ingest")
        ingest = _Ingest(client, archive, observation, owner)
        ingest.begin(products)
        for product in products:
            lease.check()
            try:
                ingest.store(product)
            except Exception as error:
                ingest.fail(product, error)
                raise
        ingest.tell()
        return Status.ARCHIVED, ""


class _Ingest:
    """One try to ingest an observation. The manifest is written before ATDB is told, so it is never behind."""

    def __init__(self, client: Client, archive: Archive, observation: Observation, owner: str) -> None:
        self._client, self._archive, self._observation, self._owner = client, archive, observation, owner
        self._folder = archive.folder(observation)
        self._stored: list[tuple[DataProduct, list[FileRecord]]] = []
        self._untold: list[ProductMove] = []
        self._told_at = time.monotonic()

    def begin(self, products: list[DataProduct]) -> None:
        """Mark what is to be copied, and take over what an earlier try has archived."""
        listed = self._archive.read_manifest(self._folder)
        self._stored = [
            (p, listed[p.filename])
            for p in products
            if p.my_status is ProductStatus.ARCHIVED
            and p.filename in listed
            and product_checksum(listed[p.filename]) == p.checksum
        ]
        self._move(
            ProductMove(filename=p.filename, new_status=ProductStatus.INGESTING)
            for p in products
            if p.my_status is not ProductStatus.ARCHIVED
        )

    def store(self, product: DataProduct) -> None:
        """Archive one product, unless it was archived before."""
        if any(product is stored for stored, _ in self._stored):
            return
        if product.checksum is None:
            raise ValueError(f"{product.filename} has no checksum")
        records = self._archive.store(
            path_of(product), self._folder, product.filename, checksum=product.checksum, owner=self._owner
        )
        self._stored.append((product, records))
        self._untold.append(ProductMove(filename=product.filename, new_status=ProductStatus.ARCHIVED))
        if time.monotonic() - self._told_at > TELL_EVERY_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write the manifest, and tell ATDB what has reached the archive."""
        if self._untold:
            self._archive.write_manifest(self._folder, self._observation, self._stored)
            self._move(self._untold)
            self._untold = []
        self._told_at = time.monotonic()

    def fail(self, product: DataProduct, error: Exception) -> None:
        """Record why a product did not reach the archive, and tell what did, as far as that is possible now.

        What cannot be told does not hide the error; the next try finds it in the archive, and tells it.
        """
        reason = f"{type(error).__name__}: {error}"
        failed = ProductMove(filename=product.filename, new_status=ProductStatus.INGEST_ERROR, reason=reason)
        try:
            self._move([failed])
            self.tell()
        except Exception:
            log.exception("%s failed, and not all of that could be recorded", product.filename)

    def _move(self, moves: Any) -> None:
        if moves := list(moves):
            self._client.move_products(self._observation.taskID, moves, owner=self._owner)
