"""Whether the schema of the database is the one that this version requires."""

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session

from atdb_api.schema.migrations import alembic_config
from atdb_interface.health import SchemaState


def schema_state(session: Session) -> SchemaState:
    """Return the state of the schema, by the migrations that the database has had."""
    carried_out = set(session.scalars(text("select version_num from alembic_version")))
    known, head = _migrations()
    if carried_out == {head}:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if carried_out <= known else SchemaState.UNKNOWN


@cache
def _migrations() -> tuple[frozenset[str], str | None]:
    """Return all migrations of this version, and the newest; the files are read once."""
    scripts = ScriptDirectory.from_config(alembic_config(""))
    return frozenset(script.revision for script in scripts.walk_revisions()), scripts.get_current_head()
