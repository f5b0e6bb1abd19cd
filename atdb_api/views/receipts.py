"""`/atdb/receipts/`: what was removed from the data hosts, and which copy the archive holds."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.listings import RECEIPTS
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role

views = Blueprint("receipts", __name__, url_prefix="/receipts")


@views.get("/")
@endpoint(Role.VIEWER, lists=RECEIPTS)
def list_(session: Session) -> Answer:
    """List the receipts of removed data products."""
    return page(session, RECEIPTS)
