"""ingest: copy every valid data product into the archive."""

import errno
from typing import Any

from atdb_interface.client import Client
from atdb_interface.lifecycle import INGEST, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.product_lifecycle import product_statuses
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, code_of, quote
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.hooks.archive import ArchiveHook
from operators.data.archive_transfer import PASSES, ArchiveTransfer
from operators.failures import product_reason, words_on_product
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages.base import StageOperator

#: What is on the data host, and what is on its way to the archive.
_TO_ARCHIVE = product_statuses(lambda row: row.to_archive)
#: After these errors, the archive accepts no other product either.
_CANNOT_BE_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class IngestError(CodedError):
    """Not all products can reach the archive. Its code is that of the first error."""


class IngestProductsOperator(StageOperator):
    """Copy, read back and compare each valid product that no earlier attempt has archived."""

    stage = INGEST

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Archive the products one after the other. If one fails, it gets the reason, and the others continue.

        The attempt ends if the archive accepts no files, or if ATDB does not respond.
        """
        archive = ArchiveHook(self.archive_conn_id).archive()
        all_products = list(client.dataproducts(taskID=observation.taskID))
        products = [product for product in all_products if product.my_status in _TO_ARCHIVE]
        others = [product for product in all_products if product.my_status not in _TO_ARCHIVE]
        if not products and not any(product.my_status is ProductStatus.REMOVED for product in others):
            raise IngestError(
                ReasonCode.NO_DATA_PRODUCTS, "The observation has no valid data product. Use the action check."
            )
        transfer = ArchiveTransfer(client, archive, observation, owner, lease)
        failed: list[tuple[str, Exception]] = []
        done_bytes = transfer.begin(products, others)
        for product in transfer.missing(products):
            lease.check()
            try:
                transfer.store(product)
            except LeaseLostError:
                raise
            except Exception as error:
                transfer.fail(product, error)
                if isinstance(error, OSError) and error.errno in _CANNOT_BE_WRITTEN:
                    raise IngestError(
                        code_of(error),
                        f"Ingest stopped because the archive cannot be written: {quote(error)}. "
                        "Free space in the archive or make it writable, then retry.",
                    ) from error
                if _takes_nothing(archive, error):
                    raise
                failed.append((product.filename, error))
                lease.report(product_reason(*failed[0]))
            else:
                transfer.report_soon()
                if not failed:
                    lease.report("")
            done_bytes += PASSES * (product.size or 0)
            lease.reach(done_bytes)
        transfer.end()
        if failed:
            raise IngestError(
                code_of(failed[0][1]),
                f"{len(failed)} of {len(products)} data products are not in the archive. "
                f"First failure: {words_on_product(*failed[0])}",
            )
        return Status.ARCHIVED, ""


def _takes_nothing(archive: Archive, error: Exception) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    try:
        archive.require()
    except ArchiveError:
        return True
    return False
