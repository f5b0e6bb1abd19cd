"""The DAG maintenance deletes expired rows and old logs, keeps the rest, and reports what it has deleted."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from atdb_api.models import Base
from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.maintenance import expired_rows, retention
from operators.maintenance.old_logs import delete_logs
from tests.conftest import Postgres
from tests.operators.contexts import Context

DAG = DagBag(Path(__file__).parents[2] / "dags").dags["maintenance"]
DAY = 86_400
#: Rows with an age in days: each time an ended session, a used key and an expired claim.
ROWS = """
insert into tokens (account_name, name, sha256, is_session, expires_at)
    select 'viewer', 'old', 'old ' || n, true, now() - %(days)s * interval '1 day'
    from generate_series(%(first)s, %(last)s) n;
insert into kept_answers (account, key, request_sha256, status, body, created_at)
    select 'viewer', n, '', 201, '', now() - %(days)s * interval '1 day'
    from generate_series(%(first)s, %(last)s) n;
insert into claims (id, consumer, expires_at, tasks)
    select n, 'me', now() - %(days)s * interval '1 day', '[]' from generate_series(%(first)s, %(last)s) n
"""
TABLES = {"sessions": "tokens", "idempotency_keys": "kept_answers", "claims": "claims"}
NAMES = {"sessions": "ended sessions", "idempotency_keys": "used idempotency keys", "claims": "expired claims"}

Run = Callable[..., Any]


@pytest.fixture
def cursor(owner_url: str) -> Iterator[Any]:
    opened = psycopg2.connect(owner_url.replace("+psycopg2", ""))
    opened.autocommit = True
    yield opened.cursor()
    opened.close()


@pytest.fixture
def run(context: Context, postgres: Postgres, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a task of the DAG, by default as its only attempt."""
    name = database_url.rpartition("/")[2]
    url = postgres.url(name, "maintenance").replace("postgresql+psycopg2", "postgres")
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_MAINTENANCE", url)

    def execute(task_id: str, **attempt: int) -> Any:
        task = DAG.get_task(task_id)
        assert isinstance(task, BaseOperator)
        task.resolve_template_files()
        made: Any = context("", "maintenance", **attempt)
        made["dag_run"] = SimpleNamespace(run_after=datetime(2026, 11, 26, 10, 30, tzinfo=UTC))
        return task.execute(made)

    return execute


def count(cursor: Any) -> dict[str, int]:
    counts = {}
    for table in Base.metadata.tables:
        cursor.execute(f"select count(*) from {table}")
        counts[table] = cursor.fetchone()[0]
    return counts


def test_old_rows_are_deleted_in_batches_and_young_ones_and_history_stay(
    run: Run,
    cursor: Any,
    observe: Callable[..., Observation],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(expired_rows, "BATCH_ROWS", 10)
    observe(Status.REMOVED, products=2)
    observe(Status.INGEST_ERROR, products=1)
    cursor.execute("delete from kept_answers")
    young = count(cursor)
    assert min(young[table] for table in ("transitions", "changes")) > 0
    cursor.execute(ROWS, {"days": 400, "first": 1, "last": 25})
    for task_id, table in TABLES.items():
        assert run(task_id) == 25
        assert f"Deleted 25 rows: {NAMES[task_id]}, which had been kept for" in capsys.readouterr().out
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (young[table],)
        assert run(task_id) == 0
    assert count(cursor) == young


@pytest.mark.parametrize(("task_id", "days"), [("sessions", 7), ("idempotency_keys", 1), ("claims", 1)])
def test_a_row_stays_for_its_days(
    run: Run, cursor: Any, monkeypatch: pytest.MonkeyPatch, task_id: str, days: int
) -> None:
    variable = f"ATDB_KEEP_{task_id.upper()}_DAYS"
    cursor.execute(ROWS, {"days": days - 0.01, "first": 1, "last": 1})
    assert run(task_id) == 0
    cursor.execute(ROWS, {"days": days + 0.01, "first": 2, "last": 2})
    monkeypatch.setenv(variable, str(days + 1))
    assert run(task_id) == 0
    monkeypatch.delenv(variable)
    assert run(task_id) == 1


@pytest.mark.parametrize("setting", retention.ALL, ids=lambda setting: setting.variable)
def test_a_setting_that_is_no_such_number_is_an_error_that_names_it(setting: retention.Retention) -> None:
    assert setting.days({}) == setting.default_days
    assert setting.days({setting.variable: f" {setting.least_days} "}) == setting.least_days
    too_small = [str(setting.least_days - 1)]
    for wrong in ("-1", "1.5", "a month", "1e3", "٣٠", "36501", "9" * 5000, *too_small):
        with pytest.raises(AirflowFailException, match=f"{setting.variable} must be .* Nothing was deleted"):
            setting.days({setting.variable: wrong})


def test_a_wrong_setting_deletes_nothing_and_raises_an_event_at_once(
    run: Run, cursor: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor.execute(ROWS, {"days": 400, "first": 1, "last": 1})
    monkeypatch.setenv("ATDB_KEEP_CLAIMS_DAYS", "0")
    for _ in range(2):
        with pytest.raises(AirflowFailException):
            run("claims", retries=2)
    (event,) = client.events()
    assert (event.kind, event.key) == (EventKind.FAILURE, "maintenance/claims/2026-11-26")
    assert "ATDB_KEEP_CLAIMS_DAYS must be a whole number of days from 1" in event.detail
    cursor.execute("select count(*) from claims")
    assert cursor.fetchone() == (1,)


def test_only_the_last_attempt_raises_an_event(run: Run, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_MAINTENANCE", "postgres://maintenance:wrong@127.0.0.1:1/atdb")
    for attempt, events in ((1, 0), (2, 0), (3, 1)):
        with pytest.raises(Exception, match="refused"):
            run("sessions", try_number=attempt, retries=2)
        assert len(list(client.events())) == events


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder of logs: old ones, young ones, and files that must not be deleted."""
    folder = tmp_path / "logs"
    for name in (
        "dag_id=ingest/run_id=old/task_id=work",
        "dag_id=ingest/run_id=young",
        "dag_processor/2026-01-01",
    ):
        (folder / name).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in (
        "logs/dag_id=ingest/run_id=old/task_id=work/attempt=1.log",
        "logs/dag_id=ingest/run_id=old/task_id=work/attempt=2.log",
        "logs/dag_id=ingest/run_id=young/attempt=1.log",
        "logs/dag_processor/2026-01-01/ingest.py.log",
        "logs/stray.log",
        "elsewhere/precious.log",
    ):
        (tmp_path / name).write_text("a line\n")
    (folder / "dag_id=ingest/run_id=young/link.log").symlink_to(tmp_path / "elsewhere/precious.log")
    (folder / "dag_processor/latest").symlink_to(tmp_path / "elsewhere")
    (folder / "dag_id=linked").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "dag_id=ingest/run_id=young/pipe")
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        age = 29 if "attempt=1.log" in path.name and "young" in str(path) else 31
        if not path.is_symlink():
            os.utime(path, (time.time() - age * DAY,) * 2)
    return folder


def test_old_logs_go_with_their_folders_and_nothing_else_does(
    run: Run, logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(logs))
    assert run("logs") == {"dag_id=ingest": 2, "dag_processor": 1, ".": 1}
    assert f"Deleted 4 files below {logs}, older than 30 days" in capsys.readouterr().out
    left = {str(path.relative_to(logs)) for path in logs.rglob("*")}
    assert left == {
        "dag_id=ingest",
        "dag_id=ingest/run_id=young",
        "dag_id=ingest/run_id=young/attempt=1.log",
        "dag_id=ingest/run_id=young/link.log",
        "dag_id=ingest/run_id=young/pipe",
        "dag_id=linked",
        "dag_processor",
        "dag_processor/latest",
    }
    assert (logs.parent / "elsewhere/precious.log").read_text() == "a line\n"
    assert run("logs") == {}


def test_a_file_that_is_being_written_stays_however_old_it_is(logs: Path) -> None:
    with (logs / "dag_id=ingest/run_id=old/task_id=work/attempt=1.log").open("a") as opened:
        opened.fileno()
        assert delete_logs(str(logs), time.time() - 30 * DAY)["dag_id=ingest"] == 1
        assert Path(opened.name).exists()
    assert delete_logs(str(logs), time.time() - 30 * DAY)["dag_id=ingest"] == 1


def test_an_empty_folder_that_is_young_stays(tmp_path: Path) -> None:
    (tmp_path / "dag_id=ingest" / "run_id=new" / "task_id=work").mkdir(parents=True)
    assert not delete_logs(str(tmp_path), time.time() - 7 * DAY)
    assert (tmp_path / "dag_id=ingest" / "run_id=new" / "task_id=work").exists()
