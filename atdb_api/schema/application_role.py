"""The rights of the role as which the API runs: granted again by each upgrade, which the owner makes."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

_GRANTS = Path(__file__).parents[2] / "sql" / "roles" / "atdb.sql"


def grant(connection: Connection) -> None:
    """Grant the role what it may do with the tables; nothing happens on a server without the role."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(_GRANTS.read_text(encoding="utf-8"))
