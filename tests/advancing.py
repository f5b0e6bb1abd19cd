"""Move observations as the stages do: their data products get the statuses that each status states."""

from collections.abc import Iterable, Sequence

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.lifecycle import INGEST, REMOVE, STATUSES, VALIDATE, WORKING, ProductStatus, Status

P = ProductStatus
#: The owner of the work on the way; the last status has no owner.
OWNER = "tests/on the way"
CHECKSUM = "ab" * 32
#: The statuses that each stage gives the data products during its work, in this order.
_OF_STAGE = {VALIDATE: (P.VALID,), INGEST: (P.INGESTING, P.ARCHIVED), REMOVE: (P.REMOVED,)}
#: The statuses that the data products get before each status. Each result of validate has one, because an operator
#: can decide to ingest the valid products. An ingest or a removal that fails here has changed no product.
_BEFORE = {
    result: given
    for stage, given in _OF_STAGE.items()
    if stage.working
    for result in STATUSES[stage.working].steps
    if stage is VALIDATE or result is not stage.error
}


def advance(client: Client, task_id: str, steps: Iterable[Status]) -> None:
    """Move an observation from status to status, with one product at least if the data are validated."""
    steps = list(steps)
    products = _products(client, task_id) if any(step in _BEFORE for step in steps) else {}
    owner = None
    for number, step in enumerate(steps, start=1):
        supporting = STATUSES[step].states or set(P) - {P.DEFINED}
        names = [name for name, status in products.items() if status not in supporting]
        for status in _BEFORE.get(step, ()):
            client.move_products(task_id, [_move(name, status) for name in names], owner=owner)
            products |= dict.fromkeys(names, status)
        is_on_the_way = step in WORKING and number < len(steps)
        client.move(task_id, step, owner=OWNER if is_on_the_way else owner)
        owner = OWNER if is_on_the_way else None


def _products(client: Client, task_id: str) -> dict[str, ProductStatus]:
    """Return the statuses of the products, which are created if there are none."""
    if not client.count_dataproducts(taskID=task_id):
        client.create_dataproducts([NewDataProduct(taskID=task_id, filename=f"{task_id}_0.fits")])
    return {product.filename: product.my_status for product in client.dataproducts(taskID=task_id)}


def _move(filename: str, status: ProductStatus) -> ProductMove:
    if status is P.VALID:
        return ProductMove(filename=filename, new_status=status, checksum=CHECKSUM)
    return ProductMove(filename=filename, new_status=status)


def move_all(client: Client, task_id: str, *statuses: ProductStatus, owner: str) -> None:
    """Move all products of an observation from status to status, as the owner of the work on it."""
    names = [product.filename for product in client.dataproducts(taskID=task_id)]
    for status in statuses:
        client.move_products(task_id, [_move(name, status) for name in names], owner=owner)


def set_products(client: Client, task_id: str, statuses: Sequence[ProductStatus]) -> None:
    """Set the statuses of the products of an observation, in the order of their names; it is completing then.

    Each stage sets them as the owner of its work. No product can be ingesting here.
    """
    names = sorted(product.filename for product in client.dataproducts(taskID=task_id))
    of_status = {
        status: [name for name, each in zip(names, statuses, strict=True) if each is status] for status in P
    }
    archived = [*of_status[P.ARCHIVED], *of_status[P.REMOVED]]
    copied = [*archived, *of_status[P.INGEST_ERROR]]
    for work, moves in (
        (Status.CHECKING, [(P.VALID, [*copied, *of_status[P.VALID]]), (P.INVALID, of_status[P.INVALID])]),
        (
            Status.INGESTING,
            [(P.INGESTING, copied), (P.ARCHIVED, archived), (P.INGEST_ERROR, of_status[P.INGEST_ERROR])],
        ),
        (Status.REMOVING, [(P.REMOVED, of_status[P.REMOVED])]),
    ):
        client.move(task_id, work, owner=OWNER, force=True, reason="tests")
        for status, filenames in moves:
            client.move_products(task_id, [_move(name, status) for name in filenames], owner=OWNER)
    client.move(task_id, Status.COMPLETING, force=True, reason="tests")
