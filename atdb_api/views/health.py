"""`/atdb/health/`: whether ATDB can answer requests."""

from functools import cache
from importlib.metadata import version

from alembic.script import ScriptDirectory
from flask import Blueprint
from sqlalchemy import text
from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.schema.migrations import alembic_config
from atdb_interface.health import Health, SchemaState

views = Blueprint("health", __name__)


@views.get("/health/")
@endpoint(None, answers=Health)
def health(session: Session) -> Health:
    """Return ok if the database responds, and whether its schema is the one that this version requires."""
    carried_out = set(session.scalars(text("select version_num from alembic_version")))
    return Health(status="ok", version=version("atdb"), database_schema=_state(carried_out))


def _state(carried_out: set[str]) -> SchemaState:
    known, head = _migrations()
    if carried_out == {head}:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if carried_out <= known else SchemaState.UNKNOWN


@cache
def _migrations() -> tuple[frozenset[str], str | None]:
    """Return all migrations of this version, and the newest; the files are read once."""
    scripts = ScriptDirectory.from_config(alembic_config(""))
    return frozenset(script.revision for script in scripts.walk_revisions()), scripts.get_current_head()
