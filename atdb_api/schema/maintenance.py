"""The schema `maintenance`. Each upgrade drops and creates it again, so that its views block no migration."""

import logging
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

ROLE = "maintenance"
_SCHEMA = Path(__file__).parents[2] / "sql" / "maintenance" / "schema.sql"
_LOGGER = logging.getLogger(__name__)


def drop(connection: Connection) -> None:
    """Drop the schema."""
    connection.execute(text("drop schema if exists maintenance cascade"))


def create(connection: Connection) -> None:
    """Create the schema, and log a warning if the role that uses it does not exist."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(_SCHEMA.read_text(encoding="utf-8"))
    has_role = connection.scalar(
        text("select exists (select from pg_roles where rolname = :role)"), {"role": ROLE}
    )
    if not has_role:
        _LOGGER.warning(
            "The database has no role %s, so the DAG maintenance cannot delete what has expired. "
            "Create the role, then run this upgrade again. See the section Maintenance of docs/operation.md.",
            ROLE,
        )
