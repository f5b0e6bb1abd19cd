"""The environment of the DAG's task: its two connections, and a folder for Airflow to write to."""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import make_url

pytest.register_assert_rewrite("tests.reports.figures")

_HOME = tempfile.TemporaryDirectory(prefix="airflow-of-tests-")
os.environ["AIRFLOW_HOME"] = _HOME.name

from standalone.settings import HOST  # noqa: E402
from standalone.stack import database  # noqa: E402
from tests.conftest import SECRETS, Postgres  # noqa: E402

RunReport = Callable[..., None]


@pytest.fixture
def superuser_url(postgres: Postgres, database_url: str) -> str:
    made = make_url(database_url).set(
        drivername="postgresql", username="postgres", password=postgres.credentials.postgresql["postgres"]
    )
    return made.render_as_string(hide_password=False)


@pytest.fixture
def reports_connection(postgres: Postgres, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make_url(database_url).database or ""
    database.prepare_reader(postgres.settings, postgres.credentials, name)
    login = {
        "conn_type": "postgres",
        "host": HOST,
        "port": postgres.settings.postgres_port,
        "schema": name,
        "login": "reports",
        "password": postgres.credentials.postgresql["reports"],
    }
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_REPORTS", json.dumps(login))


@pytest.fixture
def run_report(url: str, reports_connection: None, monkeypatch: pytest.MonkeyPatch) -> RunReport:
    """Run the DAG's task as Airflow does, with or without a night."""
    login = {"conn_type": "atdb", "host": url, "login": "pipeline", "password": SECRETS["pipeline"]}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))

    def run(
        night: date | str | None = None,
        *,
        due: datetime | None = None,
        attempt: int = 1,
        conf: dict[str, str] | None = None,
    ) -> None:
        from operators.night_report.operator import StoreNightReportOperator

        context: Any = {
            "dag_run": SimpleNamespace(run_after=due or datetime.now(UTC), conf=conf),
            "params": {"night": str(night) if night else None},
            "ti": SimpleNamespace(try_number=attempt, max_tries=6),
        }
        StoreNightReportOperator(task_id="report", retries=6).execute(context)

    return run
