"""The rights of the role as which the API runs: each upgrade, by the owner, grants them again."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

_GRANTS = Path(__file__).parents[2] / "sql" / "roles" / "atdb.sql"


def grant(connection: Connection) -> None:
    """Grant the role its rights on the tables; do nothing if the server has no such role."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(_GRANTS.read_text(encoding="utf-8"))
