"""validate: check that each data product is there, and compute its checksum."""

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.lifecycle import VALIDATE, ProductStatus, Status, product_statuses
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, code_of, reason_of, words_of, write
from operators.data.inspection import (
    GrowingDataError,
    InvalidDataError,
    MissingDataError,
    inspect,
    read,
    size_of,
)
from operators.data.local_products import path_of, require_data
from operators.lease import LeaseKeeper
from operators.stages.base import StageOperator

#: The archive holds a verified copy of these, so they keep their status.
_SAFE = product_statuses(lambda row: row.archived)


class StillWrittenError(CodedError):
    """Some products change while they are read; `moves` and `verdict` apply if this is the last attempt."""

    def __init__(self, growing: list[str], moves: list[ProductMove], verdict: str) -> None:
        super().__init__(ReasonCode.STILL_WRITTEN, f"Still being written: {_named(growing)}")
        self.moves, self.verdict = moves, verdict


class ValidateProductsOperator(StageOperator):
    """Read every data product of an observation; those missing, empty or of the wrong kind become invalid.

    Data that cannot be read or are still being written are judged by the last attempt only.
    """

    stage = VALIDATE

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Check the products, report them in one request, and return the next status.

        Products that are in the archive already are not checked: they were valid, and remove verifies them again.
        """
        products = list(client.dataproducts(taskID=observation.taskID))
        if not products:
            no_products = "The observation has no data products, so nothing can be ingested."
            return Status.INCOMPLETE, write(ReasonCode.NO_DATA_PRODUCTS, no_products)
        to_check = [product for product in products if product.my_status not in _SAFE]
        lease.begin(sum(map(_bytes_to_read, to_check)))
        moves, growing = [], []
        for product in to_check:
            lease.check()
            move, is_growing = _checked(product, lease)
            moves.append(move)
            growing += [product.filename] * is_growing
            lease.report("")
        invalid = [move.filename for move in moves if move.new_status is ProductStatus.INVALID]
        verdict = write(
            ReasonCode.INVALID_DATA_PRODUCTS,
            f"{len(invalid)} of {len(products)} data products are invalid: {_named(invalid)}. "
            "Their histories show why. Retry, or ingest the valid ones.",
        )
        if growing:
            raise StillWrittenError(growing, moves, verdict)
        if moves:
            client.move_products(observation.taskID, moves, owner=owner)
        if invalid:
            return Status.INCOMPLETE, verdict
        if observation.skip_auto_ingest:
            off = "skip_auto_ingest is set. To ingest the data after all, use the action ingest."
            return Status.COMPLETED, write(ReasonCode.AUTOMATIC_INGEST_OFF, off)
        return Status.VALID, ""

    def _record_failure(self, client: Client, atdb_task_id: str, owner: str, error: Exception) -> None:
        """Set the status incomplete, from which an operator can retry."""
        try:
            if isinstance(error, StillWrittenError):
                client.move_products(atdb_task_id, error.moves, owner=owner)
                reason = error.verdict
            else:
                reason = write(code_of(error), f"The data could not be checked: {words_of(error)}")
            client.move(atdb_task_id, Status.INCOMPLETE, owner=owner, reason=reason)
        except Exception as record_error:
            self.log.warning("The failure is not recorded in ATDB: %s", reason_of(record_error))


def _checked(product: DataProduct, lease: LeaseKeeper) -> tuple[ProductMove, bool]:
    """Return what a product becomes, and whether it changed while it was read."""
    path = path_of(product)
    try:
        records = read(path, lease.advance)
    except MissingDataError as fault:
        require_data(path)
        return _invalid(product, fault), False
    except InvalidDataError as fault:
        return _invalid(product, fault), False
    except GrowingDataError as fault:
        return _invalid(product, fault), True
    valid = ProductMove(
        filename=product.filename,
        new_status=ProductStatus.VALID,
        size=sum(record.size for record in records),
        checksum=product_checksum(records),
    )
    return valid, False


def _bytes_to_read(product: DataProduct) -> int:
    try:
        return size_of(inspect(path_of(product)))
    except (InvalidDataError, FileNotFoundError):
        return 0


def _invalid(product: DataProduct, fault: CodedError) -> ProductMove:
    return ProductMove(filename=product.filename, new_status=ProductStatus.INVALID, reason=reason_of(fault))


def _named(filenames: list[str]) -> str:
    return ", ".join(filenames[:3]) + (", …" if len(filenames) > 3 else "")
