"""The rights of the role with which the API logs in. Each upgrade, which the owner runs, grants them again."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

_GRANTS = Path(__file__).parents[2] / "sql" / "roles" / "atdb.sql"


def grant(connection: Connection) -> None:
    """Grant the role its rights on the tables; do nothing if the server has no such role."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(_GRANTS.read_text(encoding="utf-8"))
