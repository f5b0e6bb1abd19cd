"""The environment of a worker: connections to ATDB and the archive, the data root, and a folder for Airflow."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

_HOME = tempfile.TemporaryDirectory(prefix="airflow-of-tests-")
os.environ["AIRFLOW_HOME"] = _HOME.name

from standalone.stack.preparation import prepare_airflow  # noqa: E402
from tests.conftest import SECRETS, Postgres  # noqa: E402

Context = Callable[..., dict[str, Any]]
Sql = Callable[..., None]


@pytest.fixture(scope="session")
def airflow(postgres: Postgres) -> Postgres:
    """The database server, with Airflow's database."""
    for folder in (postgres.settings.logs, postgres.settings.run, postgres.settings.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    prepare_airflow(postgres.settings, postgres.credentials)
    return postgres


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "data root"
    for host in ("wcudata1", "arts001"):
        (root / host).mkdir(parents=True)
    monkeypatch.setenv("ATDB_DATA_ROOT", str(root))
    return root


@pytest.fixture
def archive_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "alta"
    root.mkdir()
    use_archive(monkeypatch, root.as_uri())
    return root


def use_archive(monkeypatch: pytest.MonkeyPatch, url: str, options: dict[str, Any] | None = None) -> None:
    connection = {"conn_type": "generic", "extra": {"url": url, "storage_options": options or {}}}
    monkeypatch.setenv("AIRFLOW_CONN_ARCHIVE_DEFAULT", json.dumps(connection))


@pytest.fixture
def context(url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return the context of a DAG run for an observation, for its only, first, or last attempt."""
    login = {"conn_type": "atdb", "host": url, "login": "pipeline", "password": SECRETS["pipeline"]}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))
    of_operator = {**login, "login": "operator", "password": SECRETS["operator"]}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_OPERATE", json.dumps(of_operator))

    def make(
        task_id: str, dag_id: str, *, run: str = "run 1", try_number: int = 1, retries: int = 0, clears: int = 0
    ) -> Any:
        return {
            "dag_run": SimpleNamespace(partition_key=task_id, run_id=run, dag_id=dag_id, clear_number=clears),
            "ti": SimpleNamespace(try_number=try_number, max_tries=retries),
        }

    return make


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
from tests.operators.removals import archived_one, check_again, remove  # noqa: E402, F401
from tests.operators.telescopes import logbook, running, scheduled, started  # noqa: E402, F401
