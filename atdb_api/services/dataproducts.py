"""Data products: make them, change them, and move all those of an observation at once."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation, Transition
from atdb_api.services import moves
from atdb_interface.errors import Conflict, Duplicate, ForbiddenMove, NotFound
from atdb_interface.lifecycle import ProductStatus, allowed_next_of_product
from atdb_interface.models import DataProductChange, NewDataProduct, ProductMoves


def create(session: Session, new: list[NewDataProduct], *, actor: str) -> list[DataProduct]:
    """Make data products, all or none.

    Raises NotFound for an unknown task, and Duplicate for a file that the task has already.
    """
    now = datetime.now(UTC)
    observations = {
        task_id: moves.locked(session, task_id) for task_id in sorted({product.taskID for product in new})
    }
    taken = {
        (row.observation_id, row.filename)
        for row in session.execute(
            select(DataProduct.observation_id, DataProduct.filename).where(
                DataProduct.observation_id.in_([o.id for o in observations.values()])
            )
        )
    }
    rows = []
    for product in new:
        observation = observations[product.taskID]
        if (observation.id, product.filename) in taken:
            raise Duplicate(
                f"{product.taskID} has a data product {product.filename} already", taskID=product.taskID
            )
        taken.add((observation.id, product.filename))
        rows.append(_new_row(observation, product))
        session.add(_first_transition(product, actor, now))
    session.add_all(rows)
    session.flush()
    return rows


def _new_row(observation: Observation, product: NewDataProduct) -> DataProduct:
    values: dict[str, Any] = product.model_dump(exclude={"taskID", "name", "data_location", "node"})
    return DataProduct(
        observation_id=observation.id,
        task_id=observation.task_id,
        status=ProductStatus.DEFINED,
        name=product.name or product.filename,
        data_location=product.data_location or observation.data_location,
        node=product.node or observation.node,
        **values,
    )


def _first_transition(product: NewDataProduct, actor: str, now: datetime) -> Transition:
    return Transition(
        task_id=product.taskID,
        dataproduct=product.filename,
        previous=None,
        status=ProductStatus.DEFINED,
        at=now,
        actor=actor,
        reason="",
    )


def get(session: Session, product_id: int) -> DataProduct:
    """Get a data product by its id. Raises NotFound."""
    product = session.get(DataProduct, product_id)
    if product is None:
        raise NotFound(f"no data product has id {product_id}")
    return product


def change(session: Session, product_id: int, change: DataProductChange, *, actor: str) -> DataProduct:
    """Change some fields of a data product, and move it where `new_status` asks for that."""
    moves.locked(session, get(session, product_id).task_id)
    product = session.get_one(DataProduct, product_id, populate_existing=True)
    _apply(session, product, change, actor=actor, owner=None, now=datetime.now(UTC))
    session.flush()
    return product


def move_many(session: Session, request: ProductMoves, *, actor: str) -> list[DataProduct]:
    """Change many products of one observation, all or none.

    The observation is locked, so that no stage of another owner can begin meanwhile.
    Raises NotFound for an unknown file, NotOwner, and ForbiddenMove for the first product refused.
    """
    observation = moves.locked(session, request.taskID)
    if request.owner:
        moves.lease_of(session, observation, request.owner)
    filenames = [item.filename for item in request.moves]
    products = {
        product.filename: product
        for product in session.scalars(
            select(DataProduct).where(
                DataProduct.observation_id == observation.id, DataProduct.filename.in_(filenames)
            )
        )
    }
    if missing := [name for name in filenames if name not in products]:
        raise NotFound(f"{request.taskID} has no data product {missing[0]}")
    now = datetime.now(UTC)
    for item in request.moves:
        _apply(session, products[item.filename], item, actor=actor, owner=request.owner, now=now)
    session.flush()
    return [products[name] for name in filenames]


def delete(session: Session, product_id: int) -> None:
    """Delete a data product of which there were never any data; its history stays."""
    product = get(session, product_id)
    moves.locked(session, product.task_id)
    if product.status is not ProductStatus.DEFINED:
        raise Conflict(
            f"{product.filename} is {product.status}; only one that is defined can be deleted",
            my_status=product.status,
        )
    session.delete(product)


def _apply(
    session: Session,
    product: DataProduct,
    change: DataProductChange,
    *,
    actor: str,
    owner: str | None,
    now: datetime,
) -> None:
    for name, value in change.model_dump(exclude_unset=True, exclude={"new_status", "reason", "filename"}).items():
        setattr(product, name, value)
    target = change.new_status
    if target is None or target is product.status:
        return
    allowed = allowed_next_of_product(product.status)
    if target not in allowed:
        raise ForbiddenMove(
            f"{product.filename} is {product.status}; from there it may become "
            f"{', '.join(sorted(allowed)) or 'nothing else'}, not {target}",
            my_status=product.status,
            allowed=sorted(allowed),
        )
    session.add(
        Transition(
            task_id=product.task_id,
            dataproduct=product.filename,
            previous=product.status,
            status=target,
            at=now,
            actor=actor,
            owner=owner,
            reason=change.reason,
        )
    )
    product.status = target
