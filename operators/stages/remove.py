"""remove: delete the copies on the data host of what the archive holds."""

from collections.abc import Callable
from typing import Any

from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import REMOVE, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.reasons import CodedError, code_of, words_of
from atdb_plugins.hooks.archive import ArchiveHook
from operators.data.local_products import delete_data
from operators.data.removal_check import RemovalCheck, bytes_to_verify, is_removable
from operators.failures import product_reason, reported
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages.base import StageOperator, atdb_task_id_of


class RemoveError(CodedError):
    """Not all products could be removed. Its code is that of the first error."""


class RemoveProductsOperator(StageOperator):
    """Delete each archived product, after its bytes in the archive were verified again at that moment.

    With the DAG's parameter `dry_run` it only writes into the log what it would do.
    """

    stage = REMOVE

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def execute(self, context: Any) -> None:
        """Do the work as this run's, or rehearse it."""
        if context.get("params", {}).get("dry_run"):
            with reported(self, context):
                self.rehearse(atdb_task_id_of(context), self.log.info)
        else:
            super().execute(context)

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Verify and delete one product after the other, and tell ATDB of each; where one stays, the others go on.

        A product that a killed try has deleted and not told is verified and told like the others.
        """
        archive = ArchiveHook(self.archive_conn_id).archive()
        check = RemovalCheck(client, archive.folder(observation), observation, lease.advance)
        products = [product for product in check.products() if is_removable(product)]
        lease.begin(bytes_to_verify(products))
        failed: list[tuple[str, Exception]] = []
        for number, product in enumerate(products, start=1):
            lease.check()
            try:
                path = check.judge(product)
                lease.check()
                delete_data(path)
            except (LeaseLostError, AtdbError):
                raise
            except Exception as error:
                archive.require()
                failed.append((product.filename, error))
                lease.report(product_reason(*failed[0]))
            else:
                gone = ProductMove(filename=product.filename, new_status=ProductStatus.REMOVED)
                client.move_products(observation.taskID, [gone], owner=owner)
                if not failed:
                    lease.report("")
            lease.reach(bytes_to_verify(products[:number]))
        if failed:
            filename, cause = failed[0]
            raise RemoveError(
                code_of(cause),
                f"{len(failed)} of {len(products)} data products were not deleted. "
                f"The first is {filename}: {words_of(cause)}",
            )
        return Status.REMOVED, ""

    def rehearse(self, atdb_task_id: str, tell: Callable[[str], object]) -> bool:
        """Tell what the removal would do with each product; whether nothing of the observation would be left."""
        with self.client() as client:
            observation = client.observation(atdb_task_id)
            archive = ArchiveHook(self.archive_conn_id).archive()
            check = RemovalCheck(client, archive.folder(observation), observation)
            all_go = observation.my_status is REMOVE.source
            if not all_go:
                tell(f"{atdb_task_id} is {observation.my_status}; a removal begins where it is {REMOVE.source}")
            for forecast in check.forecast():
                tell(str(forecast))
                all_go = all_go and forecast.is_deletable
            return all_go
