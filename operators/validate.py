"""validate: is each data product there, and what is its checksum?"""

from pathlib import Path

from atdb_interface.checksum import product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.lifecycle import VALIDATE, ProductStatus, Status
from atdb_interface.models import DataProduct, Observation
from atdb_interface.work import ProductMove
from operators.data import path_of
from operators.lease import LeaseKeeper
from operators.stage import StageOperator


class ValidateOperator(StageOperator):
    """Read every data product of an observation; those missing or empty become invalid."""

    stage = VALIDATE

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Check all products, tell ATDB in one request, and decide where the observation goes."""
        moves = []
        for product in client.dataproducts(taskID=observation.taskID):
            lease.check()
            moves.append(_checked(product, path_of(product)))
        client.move_products(observation.taskID, moves, owner=owner)
        invalid = [move.filename for move in moves if move.new_status is ProductStatus.INVALID]
        if invalid or not moves:
            named = ", ".join(invalid[:3]) + (", …" if len(invalid) > 3 else "")
            return Status.INCOMPLETE, f"{len(invalid)} of {len(moves)} data products are invalid: {named}"
        if observation.skip_auto_ingest:
            return Status.COMPLETED, "skip_auto_ingest is set"
        return Status.VALID, ""

    def _record_failure(self, client: Client, task_id: str, owner: str, error: Exception) -> None:
        """Leave it: data that could not be looked at are not incomplete. Another run will look."""


def _checked(product: DataProduct, path: Path) -> ProductMove:
    try:
        records = records_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return _invalid(product, "missing")
    except ValueError as error:
        return _invalid(product, str(error))
    size = sum(record.size for record in records)
    if not size:
        return _invalid(product, "empty")
    return ProductMove(
        filename=product.filename,
        new_status=ProductStatus.VALID,
        size=size,
        checksum=product_checksum(records),
    )


def _invalid(product: DataProduct, reason: str) -> ProductMove:
    return ProductMove(filename=product.filename, new_status=ProductStatus.INVALID, reason=reason)
