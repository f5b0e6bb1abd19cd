"""Create, change and delete data products, one by one or many of an observation at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Observation, Receipt
from atdb_api.search import columns
from atdb_api.services import (
    archive_folders,
    byte_facts,
    changes,
    data_places,
    history,
    leases,
    locks,
    statements,
    transitions,
)
from atdb_api.services.authority import Authority
from atdb_interface.data_hosts import data_path
from atdb_interface.dataproducts import DataProductChange, NewDataProduct, ProductMoves
from atdb_interface.errors import Conflict, Duplicate, ForbiddenMove, NotFound
from atdb_interface.lifecycle import ProductStatus
from atdb_interface.product_lifecycle import allowed_next_of_product

#: The fields of a change that are no fields of a data product.
_NO_FIELDS = {"new_status", "reason", "force", "filename", "owner"}
#: What is announced of a product, and the field that shows it until the data have been read.
_ANNOUNCED = {"announced_size": "size", "announced_checksum": "checksum"}
_UNREAD = (ProductStatus.DEFINED, ProductStatus.INVALID)
_ANNOUNCEABLE = (*_UNREAD, ProductStatus.VALID, ProductStatus.INGEST_ERROR)


def create(session: Session, new: list[NewDataProduct], *, actor: str) -> list[DataProduct]:
    """Create data products, all or none.

    Raises NotFound for an unknown taskID, Duplicate for a file that the observation already has, and Conflict if
    an observation cannot get more products, or if a place on a data host is taken.
    """
    now = datetime.now(UTC)
    observations = {
        task_id: locks.lock_observation(session, task_id)
        for task_id in sorted({product.taskID for product in new})
    }
    folders = {}
    for task_id, observation in observations.items():
        statements.require_open(observation)
        folders[task_id] = archive_folders.folder_of(session, observation)
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
                f"Observation {product.taskID} already has a data product {product.filename}.",
                taskID=product.taskID,
            )
        taken.add((observation.id, product.filename))
        row = _new_row(observation, product, folders[product.taskID], now)
        history.begin_product(session, row, Authority.of_account(actor), now)
        rows.append(row)
    data_places.require_free(session, [data_path(row.data_location, row.filename) for row in rows])
    session.add_all(rows)
    session.flush()
    return rows


def _new_row(observation: Observation, product: NewDataProduct, folder: str, now: datetime) -> DataProduct:
    values: dict[str, Any] = product.model_dump(exclude={"taskID", "name", "data_location", "node"})
    return DataProduct(
        observation_id=observation.id,
        task_id=observation.task_id,
        created_at=now,
        name=product.name or product.filename,
        data_location=product.data_location or observation.data_location,
        node=product.node or observation.node,
        announced_size=product.size,
        announced_checksum=product.checksum,
        archive_location=archive_folders.location_in(folder, product.filename),
        **values,
    )


def get(session: Session, product_id: int) -> DataProduct:
    """Return a data product by its id. Raises NotFound."""
    product = session.get(DataProduct, product_id)
    if product is None:
        raise NotFound(f"There is no data product with id {product_id}.")
    return product


def lock(session: Session, product_id: int) -> DataProduct:
    """Return a data product by its id, and lock its observation until the transaction ends. Raises NotFound."""
    locks.lock_observation(session, get(session, product_id).task_id)
    return session.get_one(DataProduct, product_id, populate_existing=True)


def move_many(session: Session, request: ProductMoves, *, actor: str) -> list[DataProduct]:
    """Change many products of one observation, all or none.

    The observation is locked, so that no other owner can begin a stage meanwhile.
    Raises NotFound for an unknown file, NotOwner, and ForbiddenMove for the first product refused.
    """
    observation = locks.lock_observation(session, request.taskID)
    if request.owner:
        leases.lease_of(observation, request.owner, actor)
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
        raise NotFound(f"Observation {request.taskID} has no data product {missing[0]}.")
    now = datetime.now(UTC)
    for item in request.moves:
        change(session, products[item.filename], item, actor=actor, owner=request.owner, now=now)
    session.flush()
    return [products[name] for name in filenames]


def delete(session: Session, product: DataProduct, *, actor: str) -> None:
    """Delete a data product that never had data; its history stays. Raises Conflict."""
    if product.status is not ProductStatus.DEFINED:
        raise Conflict(
            f"Cannot delete {product.filename} because it is {product.status}. "
            f"Only a data product that is {ProductStatus.DEFINED} can be deleted.",
            my_status=product.status,
        )
    if product.identity is not None or product.archive_copy is not None:
        raise Conflict(
            f"Cannot delete {product.filename} because it has data, although an operator has forced it to be "
            f"{ProductStatus.DEFINED}. Use the action check.",
            my_status=product.status,
        )
    changes.record_deletion(session, product, columns.PRODUCT_FIELDS.values(product), actor=actor)
    session.delete(product)


def change(
    session: Session,
    product: DataProduct,
    change: DataProductChange,
    *,
    actor: str,
    owner: str | None = None,
    now: datetime | None = None,
) -> bool:
    """Change some fields of a data product, and its status if `new_status` is set.

    Return whether anything changed. Its observation must be locked. A refused change changes nothing.
    Raises ForbiddenMove, Conflict for a new announcement of what the archive holds, and NotOwner if the change
    states facts about its bytes without the lease of the stage that has found them.
    """
    values = change.model_dump(exclude_unset=True, exclude=_NO_FIELDS)
    stated = [name for name, value in values.items() if getattr(product, name) != value]
    values = _with_announcement(product, values)
    target = change.new_status if change.new_status is not product.status else None
    if target is not None:
        _check(product, target, force=change.force)
        observation = session.get_one(Observation, product.observation_id)
        statements.require_supported(session, observation, product, target)
        if product.status is ProductStatus.REMOVED:
            data_places.require_free(session, [data_path(product.data_location, product.filename)], [product.id])
    byte_facts.require_lease(session, product, stated, target, actor=actor, owner=owner, force=change.force)
    values |= _ended_permission(product, values, target)
    is_edited = edit(session, product, values, actor=actor, reason=change.reason)
    if target is not None:
        authority = Authority.of_owner(actor, owner)
        at = now or datetime.now(UTC)
        history.enter_product(session, product, target, authority, at, reason=change.reason)
        if target is ProductStatus.REMOVED:
            session.add(_receipt(product, actor, owner, change.reason))
    return is_edited or target is not None


def edit(session: Session, product: DataProduct, values: Mapping[str, Any], *, actor: str, reason: str) -> bool:
    """Set fields of a product without any check, and record those that change. Return whether one has changed."""
    fields = changes.difference(product, values, {})
    for name, value in values.items():
        setattr(product, name, value)
    if fields:
        changes.record(
            session,
            "edited",
            actor=actor,
            task_id=product.task_id,
            dataproduct=product.filename,
            fields=fields,
            reason=reason,
        )
    return bool(fields)


def force_removal(session: Session, product: DataProduct, reason: str, *, actor: str) -> None:
    """Allow a product to be deleted from the data host although the archive holds no verified copy.

    Its observation must be locked. The stage remove deletes it later. Raises Conflict.
    """
    if product.status in (ProductStatus.INGESTING, ProductStatus.REMOVED):
        raise Conflict(
            f"Cannot force the removal of {product.filename} because it is {product.status}.",
            my_status=product.status,
        )
    values = {"removal_forced_by": actor, "removal_forced_reason": reason}
    edit(session, product, values, actor=actor, reason=reason)


def _with_announcement(product: DataProduct, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a change.

    Before the validation, a new announcement also sets the size and the checksum.

    Raises Conflict if the product is in the archive, or ingest copies it.
    """
    announced = {name for name in _ANNOUNCED if name in values and values[name] != getattr(product, name)}
    if announced and product.status not in _ANNOUNCEABLE:
        raise Conflict(
            f"Cannot change what was announced of {product.filename} because it is {product.status}. "
            "Announcements count until a product is ingested.",
            my_status=product.status,
        )
    if product.status not in _UNREAD:
        return values
    shown = {_ANNOUNCED[name]: values[name] for name in announced}
    is_shown = {name: getattr(product, f"announced_{name}") == getattr(product, name) for name in shown}
    return {name: value for name, value in shown.items() if is_shown[name]} | values


def _ended_permission(
    product: DataProduct, values: Mapping[str, Any], target: ProductStatus | None
) -> dict[str, Any]:
    """Return the end of an admin's permission to delete a product unverified, if a change is about other data.

    The permission is for the data that the admin knew: not for those that are found valid later.
    """
    if product.removal_forced_by is None:
        return {}
    is_found_valid = product.status in _UNREAD and target is ProductStatus.VALID
    if not is_found_valid and values.get("checksum", product.checksum) == product.checksum:
        return {}
    return {"removal_forced_by": None, "removal_forced_reason": None}


def _check(product: DataProduct, target: ProductStatus, *, force: bool) -> None:
    """Raise ForbiddenMove for a move that the lifecycle does not have, and for a removal without a verified copy.

    An operator cannot force such a removal: an admin must allow it for this product.
    """
    allowed = allowed_next_of_product(product.status)
    if target is ProductStatus.REMOVED:
        is_verified = product.status is ProductStatus.ARCHIVED and product.checksum is not None
        if is_verified or product.removal_forced_by is not None:
            return
        detail = (
            f"Cannot remove {product.filename}, which is {product.status}: the archive holds no verified copy. "
            "Archive it first, or ask an ATDB admin to force its removal."
        )
    elif target in allowed or force:
        return
    else:
        allowed_text = transitions.listed(allowed)
        detail = f"Cannot move {product.filename} from {product.status} to {target}. Allowed: {allowed_text}."
    raise ForbiddenMove(detail, my_status=product.status, allowed=sorted(allowed))


def _receipt(product: DataProduct, actor: str, owner: str | None, reason: str) -> Receipt:
    forced_by = product.removal_forced_by
    return Receipt(
        task_id=product.task_id,
        dataproduct=product.filename,
        data_location=product.data_location,
        size=product.size,
        checksum=product.checksum,
        archive_copy=product.archive_copy,
        actor=actor,
        owner=owner,
        forced=forced_by is not None,
        reason=f"forced by {forced_by}: {product.removal_forced_reason}{reason and f'. {reason}'}"
        if forced_by
        else reason,
    )
