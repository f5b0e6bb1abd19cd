"""The way to PostgreSQL: one engine an app, one transaction a request."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError as DatabaseError
from sqlalchemy.orm import Session

#: What renders pages uses these two, and nothing else of SQLAlchemy: see import-linter's contracts.
__all__ = ["DatabaseError", "Session", "init_app", "make_engine", "transaction"]

#: Longer than any honest request takes; a lost one must not hold row locks.
STATEMENT_TIMEOUT_MS = 15_000


def make_engine(url: str) -> Engine:
    """Make an engine that notices a database that has gone away, and fails in seconds where it stays away."""
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
    """Give the app its engine, and a view of it for transactions that only read."""
    engine = make_engine(url)
    app.extensions["atdb_engine"] = engine
    app.extensions["atdb_reader"] = engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


@contextmanager
def transaction(*, read_only: bool = False) -> Iterator[Session]:
    """Open a session of which all is committed at the end, or nothing.

    One that only reads sees one moment, however many statements it takes.
    """
    engine = current_app.extensions["atdb_reader" if read_only else "atdb_engine"]
    with Session(engine) as session, session.begin():
        yield session
