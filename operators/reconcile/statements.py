"""Compare what the status of an observation states about its data with its products and the receipts in ATDB."""

from collections.abc import Collection, Sequence

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.events import NewEvent
from atdb_interface.lifecycle import STATUSES, ProductStatus
from atdb_interface.observations import Observation
from atdb_interface.quantities import count_of
from operators.reconcile.events import disagreement


def receipts_of(client: Client, first: str, last: str) -> set[tuple[str, str]]:
    """Return the taskID and the file name of each removal that has a receipt."""
    rows = client.rows("receipts", fields=("taskID", "dataproduct"), taskID__range=(first, last))
    return {(row["taskID"], row["dataproduct"]) for row in rows}


def wrong_statements(
    observation: Observation, products: Sequence[DataProduct], receipts: Collection[tuple[str, str]]
) -> list[NewEvent]:
    """Return an event if the products do not support the status, and one per removed product without a receipt."""
    events = []
    if unsupported := _unsupported(observation, products):
        key, text = unsupported
        detail = f"{observation.taskID} is {observation.my_status}, but {text}"
        key = f"statement/{observation.id}/{observation.my_status}/{key}"
        events.append(disagreement(key, detail, atdb_task_id=observation.taskID))
    for product in products:
        is_removed = product.my_status is ProductStatus.REMOVED
        if is_removed and (product.taskID, product.filename) not in receipts:
            events.append(
                disagreement(
                    f"statement/receipt/{product.id}",
                    f"{product.filename} is {product.my_status}, but ATDB has no receipt of its removal",
                    atdb_task_id=product.taskID,
                    filename=product.filename,
                )
            )
    return events


def _unsupported(observation: Observation, products: Sequence[DataProduct]) -> tuple[str, str] | None:
    """Return a key and a text if products contradict the status of an observation; otherwise None."""
    supporting = STATUSES[observation.my_status].states
    if supporting is None:
        return None
    if not products:
        return "none", "it has no data products"
    if against := [product for product in products if product.my_status not in supporting]:
        first = min(against, key=lambda product: product.filename)
        number = f"{len(against)} of its {len(products)} data products"
        text = f"{number} contradict it, such as {first.filename}, which is {first.my_status}"
        return f"{first.id}/{first.my_status}", text
    if all(product.my_status is ProductStatus.INVALID for product in products):
        number = count_of(len(products), "data product")
        return str(ProductStatus.INVALID), f"it has {number}, and none is valid"
    return None
