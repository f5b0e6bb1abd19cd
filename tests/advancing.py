"""Move observations as the stages do: their data products get the statuses that the observation's status states."""

from collections.abc import Iterable

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.lifecycle import STATUSES, WORKING, ProductStatus, Status

#: The owner of the work on the way; the last status has no owner.
OWNER = "tests/on the way"
CHECKSUM = "ab" * 32
_BEFORE = {
    Status.VALID: (ProductStatus.VALID,),
    Status.COMPLETED: (ProductStatus.VALID,),
    Status.ARCHIVED: (ProductStatus.INGESTING, ProductStatus.ARCHIVED),
    Status.REMOVED: (ProductStatus.REMOVED,),
}


def advance(client: Client, task_id: str, steps: Iterable[Status]) -> None:
    """Move an observation from status to status, with one product at least if a status needs products."""
    steps = list(steps)
    filenames = _products(client, task_id) if any(STATUSES[step].states for step in steps) else []
    owner = None
    for number, step in enumerate(steps, start=1):
        for status in _BEFORE.get(step, ()):
            client.move_products(task_id, [_move(name, status) for name in filenames], owner=owner)
        is_on_the_way = step in WORKING and number < len(steps)
        client.move(task_id, step, owner=OWNER if is_on_the_way else owner)
        owner = OWNER if is_on_the_way else None


def _products(client: Client, task_id: str) -> list[str]:
    filenames = [product.filename for product in client.dataproducts(taskID=task_id)]
    if not filenames:
        filenames = [f"{task_id}_0.fits"]
        client.create_dataproducts([NewDataProduct(taskID=task_id, filename=filenames[0])])
    return filenames


def _move(filename: str, status: ProductStatus) -> ProductMove:
    if status is ProductStatus.VALID:
        return ProductMove(filename=filename, new_status=status, checksum=CHECKSUM)
    return ProductMove(filename=filename, new_status=status)
