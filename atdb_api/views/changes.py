"""`/atdb/changes/`: who edited or deleted what, and what was done to accounts."""

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import Change
from atdb_api.rest.auth import is_admin
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.listings import CHANGES
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role

views = Blueprint("changes", __name__, url_prefix="/changes")


@views.get("/")
@endpoint(Role.VIEWER, lists=CHANGES)
def list_(session: Session) -> Answer:
    """List changes that are no changes of status; those of accounts are shown to an admin only."""
    query = select(Change)
    return page(session, CHANGES, query if is_admin() else query.where(Change.account.is_(None)))
