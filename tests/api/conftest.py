"""A served ATDB with an empty database."""

from collections.abc import Iterator

import pytest

from tests.conftest import Postgres
from tests.serving import Served, serve


@pytest.fixture
def served(postgres: Postgres, database_url: str) -> Iterator[Served]:
    """ATDB behind gunicorn, as the stack runs it."""
    with serve(postgres, database_url) as server:
        yield server
