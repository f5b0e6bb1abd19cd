"""The environment of a worker: connections to ATDB and the archive, the data root, and a folder for Airflow."""

# It chooses the folder of Airflow, before any module imports Airflow.
from tests.operators.contexts import Context, archive_root, context, data_root, use_archive  # noqa: F401

# isort: split
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text

from standalone.stack.preparation import prepare_airflow
from tests.conftest import Postgres

Sql = Callable[..., None]


@pytest.fixture(scope="session")
def airflow(postgres: Postgres) -> Postgres:
    """The database server, with Airflow's database."""
    for folder in (postgres.settings.logs, postgres.settings.run, postgres.settings.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    prepare_airflow(postgres.settings, postgres.credentials)
    return postgres


@pytest.fixture
def sql(database_url: str) -> Iterator[Sql]:
    """Change rows of ATDB, as earlier versions or old services have left them."""
    engine = create_engine(database_url)

    def execute(statement: str, **values: object) -> None:
        with engine.begin() as opened:
            opened.execute(text(statement), values)

    yield execute
    engine.dispose()


# These use the fixtures above, and are in a module of their own.
from tests.mounts import mount  # noqa: E402, F401
from tests.operators.data_passes import look, removed  # noqa: E402, F401
from tests.operators.observations import archived, trouble, validated, written  # noqa: E402, F401
from tests.operators.removals import archived_one, before_judging, check_again, remove  # noqa: E402, F401
from tests.operators.telescopes import logbook, running, scheduled, started  # noqa: E402, F401
