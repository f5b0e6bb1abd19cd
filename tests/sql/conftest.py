"""Sessions of the role that reads the views for reports."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import connection
from sqlalchemy import make_url

from standalone.stack import database
from tests.conftest import Postgres

Login = Callable[[], connection]


@pytest.fixture
def log_in(postgres: Postgres, database_url: str) -> Iterator[Login]:
    """Log in to the database of this test as the reading role."""
    name = make_url(database_url).database or ""
    database.prepare_reader(postgres.settings, postgres.credentials, name)
    opened: list[connection] = []

    def log_in() -> connection:
        opened.append(psycopg2.connect(postgres.url(name, "reports").replace("+psycopg2", "")))
        return opened[-1]

    yield log_in
    for each in opened:
        each.close()


@pytest.fixture
def reader(log_in: Login) -> Iterator[connection]:
    with closing(log_in()) as opened:
        yield opened
