"""One migration at a time: of several programs that start at once, each waits for the one before."""

from sqlalchemy import Connection, text

_LOCK = text("select pg_advisory_lock(hashtextextended('migrations of atdb', 0))")


def wait_for_other_migrations(connection: Connection) -> None:
    """Wait until no other session migrates this database. The lock ends with the connection."""
    connection.execute(text("set statement_timeout = 0"))
    connection.execute(_LOCK)
    connection.execute(text("reset statement_timeout"))
    connection.commit()
