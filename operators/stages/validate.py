"""validate: is each data product there, and what is its checksum?"""

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.lifecycle import VALIDATE, ProductStatus, Status, product_statuses
from atdb_interface.observations import Observation
from operators.data.inspection import (
    GROWING,
    GrowingDataError,
    InvalidDataError,
    MissingDataError,
    inspect,
    read,
    size_of,
)
from operators.data.local_products import path_of, require_data
from operators.failures import reason_of
from operators.lease import LeaseKeeper
from operators.stages.base import StageOperator

#: The archive has verified these, and they stay what they are.
_SAFE = product_statuses(lambda row: row.archived)


class StillWrittenError(Exception):
    """Some products change while they are read; `moves` and `verdict` are what holds if no more try is made."""

    def __init__(self, moves: list[ProductMove], verdict: str) -> None:
        self.moves, self.verdict = moves, verdict
        growing = [move.filename for move in moves if move.reason == GROWING]
        super().__init__(f"{_named(growing)} {GROWING}")


class ValidateProductsOperator(StageOperator):
    """Read every data product of an observation; those missing, empty or of the wrong kind become invalid.

    Nothing is said of data that cannot be read or are still being written, until the last try.
    """

    stage = VALIDATE

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Check the products, tell ATDB in one request, and decide where the observation goes.

        What the archive has already is not looked at: it was valid, and removing compares it once more.
        """
        products = list(client.dataproducts(taskID=observation.taskID))
        if not products:
            return Status.INCOMPLETE, "it has no data products"
        to_check = [product for product in products if product.my_status not in _SAFE]
        lease.begin(sum(map(_bytes_to_read, to_check)))
        moves = []
        for product in to_check:
            lease.check()
            moves.append(_checked(product, lease))
            lease.report("")
        invalid = [move.filename for move in moves if move.new_status is ProductStatus.INVALID]
        verdict = f"{len(invalid)} of {len(products)} data products are invalid: {_named(invalid)}"
        if any(move.reason == GROWING for move in moves):
            raise StillWrittenError(moves, verdict)
        if moves:
            client.move_products(observation.taskID, moves, owner=owner)
        if invalid:
            return Status.INCOMPLETE, verdict
        if observation.skip_auto_ingest:
            return Status.COMPLETED, "skip_auto_ingest is set"
        return Status.VALID, ""

    def _record_failure(self, client: Client, atdb_task_id: str, owner: str, error: Exception) -> None:
        """Give up: the observation is incomplete, and a person may have it looked at again."""
        try:
            if isinstance(error, StillWrittenError):
                client.move_products(atdb_task_id, error.moves, owner=owner)
                reason = error.verdict
            else:
                reason = f"could not be looked at: {reason_of(error)}"
            client.move(atdb_task_id, Status.INCOMPLETE, owner=owner, reason=reason)
        except Exception as record_error:
            self.log.warning("The failure is not recorded in ATDB: %s", reason_of(record_error))


def _checked(product: DataProduct, lease: LeaseKeeper) -> ProductMove:
    path = path_of(product)
    try:
        records = read(path, lease.advance)
    except MissingDataError as fault:
        require_data(path)
        return _invalid(product, str(fault))
    except InvalidDataError as fault:
        return _invalid(product, str(fault))
    except GrowingDataError:
        return _invalid(product, GROWING)
    return ProductMove(
        filename=product.filename,
        new_status=ProductStatus.VALID,
        size=sum(record.size for record in records),
        checksum=product_checksum(records),
    )


def _bytes_to_read(product: DataProduct) -> int:
    try:
        return size_of(inspect(path_of(product)))
    except (InvalidDataError, FileNotFoundError):
        return 0


def _invalid(product: DataProduct, reason: str) -> ProductMove:
    return ProductMove(filename=product.filename, new_status=ProductStatus.INVALID, reason=reason)


def _named(filenames: list[str]) -> str:
    return ", ".join(filenames[:3]) + (", …" if len(filenames) > 3 else "")
