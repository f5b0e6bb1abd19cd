"""`/atdb/health/`: whether ATDB can answer requests."""

from importlib.metadata import version

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.reads.health import schema_state
from atdb_api.rest.endpoint import endpoint
from atdb_interface.health import Health

views = Blueprint("health", __name__)


@views.get("/health/")
@endpoint(None, answers=Health)
def health(session: Session) -> Health:
    """Return ok if the database responds, and whether its schema is the one that this version requires."""
    return Health(status="ok", version=version("atdb"), database_schema=schema_state(session))
