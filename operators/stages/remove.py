"""remove: delete from the data host what the archive holds."""

from collections.abc import Callable
from functools import partial
from typing import Any

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import REMOVE, STATUSES, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, code_of
from atdb_plugins.hooks.archive import ArchiveHook
from operators.data.removal import RECENT_SECONDS, DeletionOffError, ProductRemoval, forget
from operators.data.removal_check import RemovalCheck, bytes_to_verify, is_removable
from operators.data.removal_reports import RemovalReports
from operators.failures import product_reason, reported, words_on_product
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages.base import StageOperator, atdb_task_id_of


class RemoveError(CodedError):
    """Not all products could be removed. Its code is that of the first error."""


class RemoveProductsOperator(StageOperator):
    """Delete each archived product directly after its bytes in the archive were verified again.

    With the parameter `dry_run` of the DAG, only log what would be done.
    """

    stage = REMOVE

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def execute(self, context: Any) -> None:
        """Do the work for the observation of the run, or only log what it would do."""
        if context.get("params", {}).get("dry_run"):
            with reported(self, context):
                self.rehearse(atdb_task_id_of(context), self.log.info)
        else:
            super().execute(context)

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Verify and delete one product after the other, and report them. If one fails, the others continue.

        A product that a killed attempt has deleted but not reported is reported too.
        """
        archive = ArchiveHook(self.archive_conn_id).archive()
        all_products = _products_of(client, observation)
        _require_archived(all_products)
        products = [product for product in all_products if is_removable(product)]
        for product in all_products:
            if product.my_status is ProductStatus.REMOVED:
                forget(product)
        lease.begin(bytes_to_verify(products))
        failed: list[tuple[str, Exception]] = []
        with RemovalReports(client, observation.taskID, owner) as reports:

            def advance(n_bytes: int) -> None:
                reports.report_if_due()
                lease.advance(n_bytes)

            check = RemovalCheck(client.neighbours(observation.id), archive.folder(all_products), advance)
            removal = ProductRemoval(client, check, partial(lease.confirm, within_seconds=RECENT_SECONDS))
            for number, product in enumerate(products, start=1):
                try:
                    reason = removal.delete(product)
                except (LeaseLostError, AtdbError, DeletionOffError):
                    raise
                except Exception as error:
                    archive.require()
                    failed.append((product.filename, error))
                    lease.report(product_reason(*failed[0]))
                else:
                    reports.add(product, reason)
                    if not failed:
                        lease.report("")
                lease.reach(bytes_to_verify(products[:number]))
        if failed:
            raise RemoveError(
                code_of(failed[0][1]),
                f"{len(failed)} of {len(products)} data products were not deleted. "
                f"First failure: {words_on_product(*failed[0])}",
            )
        return Status.REMOVED, ""

    def rehearse(self, atdb_task_id: str, report: Callable[[str], object]) -> bool:
        """Report what a removal would do with each product; return whether it would delete all of them."""
        with self.client() as client:
            observation = client.observation(atdb_task_id)
            archive = ArchiveHook(self.archive_conn_id).archive()
            products = _products_of(client, observation)
            check = RemovalCheck(client.neighbours(observation.id), archive.folder(products))
            all_go = observation.my_status is REMOVE.source
            if not all_go:
                report(f"{atdb_task_id} has status {observation.my_status}. remove needs status {REMOVE.source}.")
            for forecast in check.forecast(products):
                report(str(forecast))
                all_go = all_go and forecast.is_deletable
            return all_go


def _products_of(client: Client, observation: Observation) -> list[DataProduct]:
    return list(client.dataproducts(taskID=observation.taskID, ordering="filename"))


def _require_archived(products: list[DataProduct]) -> None:
    """Raise RemoveError if the observation could not be `removed` even after all possible deletions."""
    if all(product.my_status is ProductStatus.INVALID for product in products) and not any(
        is_removable(product) for product in products
    ):
        raise RemoveError(
            ReasonCode.NO_DATA_PRODUCTS,
            "The observation has no data product in the archive, so nothing can be removed. Use the action check.",
        )
    not_removed = STATUSES[Status.REMOVED].states or frozenset()
    others = [each for each in products if each.my_status not in not_removed and not is_removable(each)]
    if others:
        raise RemoveError(
            ReasonCode.NOT_ARCHIVED,
            f"{len(others)} of {len(products)} data products are not archived. The first is {others[0].filename}, "
            f"which is {others[0].my_status}. Nothing was deleted. Use the action ingest.",
        )
