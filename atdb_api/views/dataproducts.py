"""`/atdb/dataproducts/`, and the bulk moves of an observation's products."""

from typing import Any

from flask import Blueprint
from sqlalchemy import select

from atdb_api import wire
from atdb_api.auth import actor
from atdb_api.database import transaction
from atdb_api.models import DataProduct
from atdb_api.pages import page
from atdb_api.services import dataproducts
from atdb_api.views.reading import bodies, body
from atdb_interface.models import DataProductChange, NewDataProduct, ProductMoves

views = Blueprint("dataproducts", __name__, url_prefix="/dataproducts")


@views.get("/")
def list_() -> dict[str, Any]:
    """List data products."""
    with transaction() as session:
        return page(session, select(DataProduct), wire.PRODUCT_COLUMNS, wire.dataproducts, default_ordering="id")


@views.post("/")
def create() -> tuple[dict[str, Any] | list[dict[str, Any]], int]:
    """Make one data product, or a list of them, all or none."""
    new, many = bodies(NewDataProduct)
    with transaction() as session:
        rows = dataproducts.create(session, new, actor=actor())
        results = [product.model_dump(mode="json") for product in wire.dataproducts(session, rows)]
    return results if many else results[0], 201


@views.post("/moves/")
def move_many() -> dict[str, Any]:
    """Change many products of one observation, all or none; a result for each in the order asked."""
    with transaction() as session:
        rows = dataproducts.move_many(session, body(ProductMoves), actor=actor())
        return {"results": [{"id": r.id, "filename": r.filename, "my_status": r.status} for r in rows]}


@views.get("/<int:product_id>/")
def detail(product_id: int) -> dict[str, Any]:
    """Show one data product."""
    with transaction() as session:
        return wire.dataproducts(session, [dataproducts.get(session, product_id)])[0].model_dump(mode="json")


@views.route("/<int:product_id>/", methods=["PUT", "PATCH"])
def change(product_id: int) -> dict[str, Any]:
    """Change some fields, or move it by `new_status`."""
    with transaction() as session:
        row = dataproducts.change(session, product_id, body(DataProductChange), actor=actor())
        return wire.dataproducts(session, [row])[0].model_dump(mode="json")


@views.delete("/<int:product_id>/")
def delete(product_id: int) -> tuple[str, int]:
    """Delete a data product that never had data."""
    with transaction() as session:
        dataproducts.delete(session, product_id)
    return "", 204
