"""Access to PostgreSQL: one engine per application, one transaction per request."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError as DatabaseError
from sqlalchemy.orm import Session, SessionTransaction

#: Modules that render pages use only these names of SQLAlchemy: see import-linter's contracts.
__all__ = ["DatabaseError", "Session", "init_app", "make_engine", "transaction"]

#: Longer than any normal request takes; a hanging request must not hold row locks.
STATEMENT_TIMEOUT_MS = 15_000
#: A client can ask for a list that is expensive to find; it must not occupy a thread for long.
READ_STATEMENT_TIMEOUT_MS = 5_000


class _Reader(Session):
    """The session of a transaction that only reads."""


@event.listens_for(_Reader, "after_begin")
def _limit_statements(_: Session, __: SessionTransaction, connection: Connection) -> None:
    connection.execute(text(f"set local statement_timeout = {READ_STATEMENT_TIMEOUT_MS}"))


def make_engine(url: str) -> Engine:
    """Create an engine that detects lost connections, and fails in seconds if the database does not respond."""
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=8,
        pool_timeout=1.5,
        executemany_mode="values_plus_batch",
        connect_args={
            "connect_timeout": 1,
            "application_name": "atdb",
            "options": (
                f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
                " -c idle_in_transaction_session_timeout=60000"
            ),
        },
    )


def init_app(app: Flask, url: str) -> None:
    """Create the engine of the application, and a variant for transactions that only read."""
    engine = make_engine(url)
    app.extensions["atdb_engine"] = engine
    app.extensions["atdb_reader"] = engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


@contextmanager
def transaction(*, read_only: bool = False) -> Iterator[Session]:
    """Open a session whose changes are all committed at the end, or none of them.

    With `read_only`, all statements see the database at the same moment, and the limit of their time is shorter.
    """
    engine = current_app.extensions["atdb_reader" if read_only else "atdb_engine"]
    with (_Reader if read_only else Session)(engine) as session, session.begin():
        yield session
