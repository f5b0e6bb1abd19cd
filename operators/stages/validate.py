"""validate: check that each data product is there, and compute its checksum."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, ProductMove
from atdb_interface.lifecycle import VALIDATE, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.product_files import size_of
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, code_of, reason_of, words_of, write
from operators.data.data_disks import register_disk, require_mounted
from operators.data.inspection import (
    GrowingDataError,
    InvalidDataError,
    MissingDataError,
    Reading,
    inspect,
    opened,
    read,
)
from operators.data.local_products import path_of
from operators.data.removal_check import has_begun
from operators.data.renames import put_back
from operators.lease import LeaseKeeper
from operators.stages.base import StageOperator


class StillWrittenError(CodedError):
    """Some products change while they are read. In the last attempt, `moves` and `verdict` are recorded."""

    def __init__(self, growing: list[str], moves: list[ProductMove], verdict: str) -> None:
        super().__init__(ReasonCode.STILL_WRITTEN, f"Still being written: {_named(growing)}")
        self.moves, self.verdict = moves, verdict


class ValidateProductsOperator(StageOperator):
    """Read every data product of an observation; those missing, empty or of the wrong kind become invalid.

    If data cannot be read or are still being written, only the last attempt decides about them.
    """

    stage = VALIDATE

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Check the products, report them in one request, and return the next status.

        Products that are removed are not checked. Products that are archived stay archived if their data are still
        those in the archive. If the data differ, they are valid and will be copied again.
        """
        products = list(client.dataproducts(taskID=observation.taskID))
        if not products:
            no_products = "The observation has no data products, so nothing can be ingested."
            return Status.INCOMPLETE, write(ReasonCode.NO_DATA_PRODUCTS, no_products)
        to_check = [product for product in products if product.my_status is not ProductStatus.REMOVED]
        lease.begin(sum(map(_bytes_to_read, to_check)))
        checked: list[ProductVerdict] = []
        for product in to_check:
            lease.check()
            checked.append(_checked(product, lease))
            lease.report("")
        moves = [each.move for each in checked if each.move]
        invalid = [each for each in checked if each.fault]
        verdict = _verdict(invalid, len(products))
        if growing := [each.filename for each in checked if isinstance(each.fault, GrowingDataError)]:
            raise StillWrittenError(growing, moves, verdict)
        if moves:
            client.move_products(observation.taskID, moves, owner=owner)
        if invalid:
            return Status.INCOMPLETE, verdict
        # Data that are in the archive already were to be ingested, so a change of them is ingested too.
        if observation.skip_auto_ingest and not any(product.archive_copy for product in products):
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


@dataclass(frozen=True)
class ProductVerdict:
    """The result for one product. `move`: the change in ATDB, if there is one. `fault`: why it is not valid."""

    filename: str
    move: ProductMove | None = None
    fault: CodedError | None = None


def _checked(product: DataProduct, lease: LeaseKeeper) -> ProductVerdict:
    """Read one product. If its removal has begun, only its copy in the archive counts."""
    path = path_of(product)
    if has_begun(product, path):
        return ProductVerdict(product.filename, _on_this_disk(product, path))
    put_back(path.parent, product.filename)
    try:
        with opened(path) as on_disk:
            reading = read(on_disk, lease.advance)
    except MissingDataError as fault:
        require_mounted(product)
        return _invalid(product, fault)
    except (InvalidDataError, GrowingDataError) as fault:
        return _invalid(product, fault)
    facts: dict[str, Any] = {"identity": reading.identity, "disk": register_disk(path)}
    if product.my_status is ProductStatus.ARCHIVED:
        if reading.has_checksum(product.checksum):
            return ProductVerdict(product.filename, ProductMove(filename=product.filename, **facts))
        differs = "The data have changed since they were archived, so ingest copies them again."
        facts["reason"] = write(ReasonCode.DATA_DIFFERS, differs)
    elif other := _other_than_removed(product, reading) or _other_than_announced(product, reading):
        return _invalid(product, other)
    facts |= {"size": reading.size, "checksum": reading.checksum}
    move = ProductMove(filename=product.filename, new_status=ProductStatus.VALID, **facts)
    return ProductVerdict(product.filename, move)


def _on_this_disk(product: DataProduct, path: Path) -> ProductMove | None:
    """Return the record of the present identity of the disk, if a removal has left a part of a product there."""
    disk = register_disk(path)
    return None if disk == product.disk else ProductMove(filename=product.filename, disk=disk)


def _other_than_removed(product: DataProduct, reading: Reading) -> InvalidDataError | None:
    """Return what is wrong with data that have come back after a removal: the archive has the only other copy.

    Ingest would replace that copy by data that differ.
    """
    was_removed = any(step.name == ProductStatus.REMOVED for step in product.status_history)
    if not was_removed or product.archive_copy is None or reading.has_checksum(product.checksum):
        return None
    return InvalidDataError(
        ReasonCode.DATA_DIFFERS,
        "The data were removed, and those on the data host now differ from the only copy, in the archive. Restore "
        "the data from the archive, or add the others as a data product with another name.",
    )


def _other_than_announced(product: DataProduct, reading: Reading) -> InvalidDataError | None:
    size, checksum = product.announced_size, product.announced_checksum
    if size is not None and not reading.has_size(size):
        difference = f"{reading.size} bytes, but {size} bytes were announced"
    elif checksum is not None and not reading.has_checksum(checksum):
        difference = f"the SHA-256 {reading.checksum}, but {checksum} was announced"
    else:
        return None
    return InvalidDataError(
        ReasonCode.NOT_AS_ANNOUNCED,
        f"The data product has {difference}. Restore the data, or correct the announcement, then retry.",
    )


def _bytes_to_read(product: DataProduct) -> int:
    try:
        with opened(path_of(product)) as on_disk:
            return size_of(inspect(on_disk))
    except (InvalidDataError, FileNotFoundError):
        return 0


def _invalid(product: DataProduct, fault: CodedError) -> ProductVerdict:
    """Return that a product is not valid. If it is archived, it stays archived: the archive has what was valid."""
    if product.my_status is ProductStatus.ARCHIVED:
        return ProductVerdict(product.filename, fault=fault)
    move = ProductMove(filename=product.filename, new_status=ProductStatus.INVALID, reason=reason_of(fault))
    return ProductVerdict(product.filename, move, fault)


def _verdict(invalid: list[ProductVerdict], number: int) -> str:
    """Return the reason of an observation that is incomplete."""
    names = _named([each.filename for each in invalid])
    text = f"{len(invalid)} of {number} data products are invalid: {names}."
    if archived := next((each for each in invalid if each.fault and not each.move), None):
        text += f" {archived.filename} is still archived. On its data host: {archived.fault}"
    else:
        text += " Their histories show why. Retry, or ingest the valid ones."
    return write(ReasonCode.INVALID_DATA_PRODUCTS, text)


def _named(filenames: list[str]) -> str:
    return ", ".join(filenames[:3]) + (", …" if len(filenames) > 3 else "")
