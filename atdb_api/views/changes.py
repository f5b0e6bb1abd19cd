"""`/atdb/changes/`: who edited or deleted what, and what was done to accounts."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.endpoint import endpoint
from atdb_api.listings import CHANGES
from atdb_api.pages import Answer, page
from atdb_api.roles import Role

views = Blueprint("changes", __name__, url_prefix="/changes")


@views.get("/")
@endpoint(Role.VIEWER, lists=CHANGES)
def list_(session: Session) -> Answer:
    """List changes that are no changes of status."""
    return page(session, CHANGES)
