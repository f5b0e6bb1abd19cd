"""ATDB servers for the fuzzer, as in production and with the same data: one per role."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, make_url, text

from atdb_api.database import transaction
from atdb_api.services import accounts
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.stack import database
from tests import serving
from tests.conftest import SECRETS, Postgres

#: The check of authentication sends more wrong passwords than are allowed; the wait after these has its own test.
_FORGIVE = """
    create function forgive() returns trigger language plpgsql as 'begin return null; end';
    create trigger forgive before insert on failed_logins for each row execute function forgive();
"""


@dataclass(frozen=True)
class Target:
    """A running ATDB, and the token of a role."""

    url: str
    token_id: int
    token: str


Serve = Callable[[str], AbstractContextManager[Target]]


@pytest.fixture
def serve(app: Flask, postgres: Postgres, database_url: str, observe: Callable[..., Observation]) -> Serve:
    """Return a function that serves, to a role, a copy of a database in which each status occurs."""
    for status in Status:
        observe(status, products=2)
    tokens = {}
    with app.app_context(), transaction() as session:
        for role in SECRETS:
            for name in ("to be revoked", "to be revoked too", "fuzzing"):
                token, secret = accounts.make_token(session, role, name, timedelta(days=1), actor="tests")
                tokens[role] = token.id, secret
    with create_engine(postgres.owner_url(database_url), poolclass=NullPool).begin() as owner:
        owner.execute(text(_FORGIVE))
    app.extensions["atdb_engine"].dispose()  # a database with connections cannot be copied
    filled = make_url(database_url)

    @contextmanager
    def to(role: str) -> Iterator[Target]:
        name = f"{filled.database}_{role}"
        with closing(database.connect(postgres.settings, postgres.credentials)) as opened:
            opened.cursor().execute(f"create database {name} template {filled.database} owner atdb_owner")
        with serving.serve(postgres, filled.set(database=name).render_as_string(hide_password=False)) as server:
            yield Target(server.url, *tokens[role])

    return to
