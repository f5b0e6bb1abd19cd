"""What an operator finds on a worker: the data disks, the archive, and the context of a DAG run.

No instrument is loaded here, because tests of other instruments use these fixtures too.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import SECRETS

_HOME = tempfile.TemporaryDirectory(prefix="airflow-of-tests-")
os.environ["AIRFLOW_HOME"] = _HOME.name

Context = Callable[..., dict[str, Any]]


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
