"""`/atdb/dataproducts/`: data products, and changes of many at once."""

from flask import Response
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct as Row
from atdb_api.reads import serialization
from atdb_api.rest.auth import actor, login, require, require_for_force
from atdb_api.rest.endpoint import answer, endpoint, require_match, with_etag
from atdb_api.rest.resources import DATAPRODUCTS
from atdb_api.services import bulk_changes, dataproducts, rights
from atdb_api.views.resource_views import add_detail, listing
from atdb_interface.bulk import BulkAnswer, DataProductBulk
from atdb_interface.dataproducts import (
    DataProduct,
    DataProductChange,
    ForcedRemoval,
    MovedProducts,
    NewDataProduct,
    OwnedProductChange,
    ProductMoves,
)
from atdb_interface.errors import Conflict, Duplicate, ForbiddenMove, NotFound, NotOwner
from atdb_interface.roles import Capability

views = listing(DATAPRODUCTS)


@views.post("/")
@endpoint(
    Capability.ADD_PRODUCTS,
    takes=NewDataProduct,
    takes_many=True,
    answers=DataProduct,
    status=201,
    refuses=(NotFound, Duplicate, Conflict),
)
def create(session: Session, new: tuple[list[NewDataProduct], bool]) -> Response:
    """Create one data product, or a list of them, all or none.

    The telescope adds them while it has the observation, or after it has reported its end.
    """
    products, many = new
    rights.require_additions(session, login(), {product.taskID for product in products})
    rows = dataproducts.create(session, products, actor=actor())
    results = [product.model_dump(mode="json") for product in serialization.dataproducts(session, rows)]
    return answer(results if many else results[0], 201)


@views.post("/moves/")
@endpoint(Capability.WORK, takes=ProductMoves, answers=MovedProducts, refuses=(NotFound, ForbiddenMove, NotOwner))
def move_many(session: Session, ask: ProductMoves) -> MovedProducts:
    """Change many products of one observation, all or none; return results in the order of the request."""
    _require_capability(*ask.moves)
    rows = dataproducts.move_many(session, ask, actor=actor())
    return MovedProducts.model_validate(
        {"results": [{"id": row.id, "filename": row.filename, "my_status": row.status} for row in rows]}
    )


@views.post("/bulk/")
@endpoint(Capability.OPERATE, takes=DataProductBulk, answers=BulkAnswer, refuses=bulk_changes.REFUSES)
def change_many(session: Session, ask: DataProductBulk) -> BulkAnswer:
    """Preview a change of all data products that match a filter.

    With the token of the preview, make the change.
    """
    return bulk_changes.change_dataproducts(session, ask, actor=actor())


add_detail(views, DATAPRODUCTS)


@views.route("/<int:product_id>/", methods=["PUT", "PATCH"])
@endpoint(
    Capability.WORK,
    takes=OwnedProductChange,
    answers=DataProduct,
    has_etag=True,
    refuses=(NotFound, ForbiddenMove, NotOwner, Conflict),
)
def change(session: Session, change: OwnedProductChange, product_id: int) -> Response:
    """Change some fields of a data product, or its status by `new_status`."""
    _require_capability(change)
    row = dataproducts.lock(session, product_id)
    _require_match(session, row)
    dataproducts.change(session, row, change, actor=actor(), owner=change.owner)
    session.flush()
    return with_etag(serialization.dataproducts(session, [row])[0])


@views.post("/<int:product_id>/force_removal/")
@endpoint(Capability.ADMINISTER, takes=ForcedRemoval, answers=DataProduct, refuses=(NotFound, Conflict))
def force_removal(session: Session, ask: ForcedRemoval, product_id: int) -> DataProduct:
    """Allow the deletion of a product from its data host although the archive has no verified copy."""
    row = dataproducts.lock(session, product_id)
    dataproducts.force_removal(session, row, ask.reason, actor=actor())
    session.flush()
    return serialization.dataproducts(session, [row])[0]


@views.delete("/<int:product_id>/")
@endpoint(Capability.OPERATE, status=204, has_etag=True, refuses=(NotFound, ForbiddenMove))
def delete(session: Session, product_id: int) -> None:
    """Delete a data product that never had data."""
    row = dataproducts.lock(session, product_id)
    _require_match(session, row)
    dataproducts.delete(session, row, actor=actor())


def _require_capability(*asks: DataProductChange) -> None:
    """Raise Forbidden for a forced move and for a new announcement, unless an operator requests it."""
    require_for_force(*asks)
    if any({"announced_size", "announced_checksum"} & ask.model_fields_set for ask in asks):
        require(Capability.OPERATE)


def _require_match(session: Session, row: Row) -> None:
    require_match(lambda: serialization.dataproducts(session, [row])[0])
