"""Airflow's own tables are cleaned by age, with a login that has no other rights."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from airflow.utils.db_cleanup import ARCHIVE_TABLE_PREFIX, config_dict

from operators.maintenance import airflow_tables
from operators.maintenance.airflow_tables import CleanAirflowTablesOperator
from standalone.stack import database
from standalone.stack.preparation import prepare_airflow
from standalone.stack.programs import airflow_environment
from tests.airflow_rows import PER_RUN, fill
from tests.conftest import Postgres

NOW = datetime.now(UTC)
Run = Callable[[], dict[str, int]]


@pytest.fixture
def owner(airflow: Postgres) -> Iterator[Any]:
    """A cursor of the database's owner; there are no runs before and after the test."""
    remove = "rollback; delete from dag_run; delete from log; delete from trigger; delete from job"
    with closing(database.connect(airflow.settings, airflow.credentials, "airflow")) as opened:
        opened.autocommit = True
        cursor = opened.cursor()
        cursor.execute(remove)
        yield cursor
        cursor.execute(remove)


@pytest.fixture
def role(airflow: Postgres) -> Iterator[Any]:
    opened = database.connect(airflow.settings, airflow.credentials, "airflow_maintenance", "airflow")
    opened.autocommit = True
    yield opened.cursor()
    opened.close()


@pytest.fixture
def run(airflow: Postgres, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the task in the environment that Airflow gives to a task."""
    for name, value in airflow_environment(airflow.settings, airflow.credentials).items():
        monkeypatch.setenv(name, value)
    for section in ("CORE", "DATABASE"):
        monkeypatch.setenv(f"AIRFLOW__{section}__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    password = quote(airflow.credentials.postgresql["airflow_maintenance"])
    port = airflow.settings.postgres_port
    monkeypatch.setenv(
        "AIRFLOW_CONN_AIRFLOW_MAINTENANCE", f"postgres://airflow_maintenance:{password}@127.0.0.1:{port}/airflow"
    )
    context = {
        "dag_run": SimpleNamespace(run_after=NOW),
        "ti": SimpleNamespace(try_number=1, max_tries=1),
    }
    return lambda: CleanAirflowTablesOperator(task_id="airflow_tables").execute(context)


def count(cursor: Any, where: str = "true") -> dict[str, int]:
    counts = {}
    for table in PER_RUN:
        cursor.execute(f"select count(*) from {table} where {where}")
        counts[table] = cursor.fetchone()[0]
    return counts


def archives(cursor: Any) -> list[str]:
    cursor.execute("select tablename from pg_tables where starts_with(tablename, %s)", (ARCHIVE_TABLE_PREFIX,))
    return [name for (name,) in cursor.fetchall()]


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def test_old_rows_of_every_table_go_in_batches_and_young_ones_stay(
    owner: Any, run: Run, airflow: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(airflow_tables, "BATCH_ROWS", 30)
    fill(owner, dag_id="old", runs=50, first=days(90), last=days(30.1))
    fill(owner, dag_id="young", runs=20, first=days(29.9), last=NOW)
    deleted = run()
    printed = capsys.readouterr().out
    for table, rows in PER_RUN.items():
        assert deleted[table] == 50 * rows
        assert f"Deleted {50 * rows} rows of {table}" in printed
    assert count(owner, "dag_id = 'old'") == dict.fromkeys(PER_RUN, 0)
    assert count(owner, "dag_id = 'young'") == {table: 20 * rows for table, rows in PER_RUN.items()}
    assert set(deleted) >= set(config_dict) - {"celery_taskmeta", "celery_tasksetmeta", "session", "_xcom_archive"}
    assert archives(owner) == []
    assert airflow.credentials.postgresql["airflow_maintenance"] not in printed


def test_the_last_scheduled_run_of_a_dag_stays_so_that_its_schedule_continues(owner: Any, run: Run) -> None:
    fill(owner, dag_id="seldom", runs=5, first=days(400), last=days(100), run_type="scheduled")
    run()
    owner.execute("select run_id from dag_run")
    assert owner.fetchall() == [("run-5",)]


def test_what_belongs_to_a_run_that_has_not_ended_stays_however_old(
    owner: Any, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(owner, dag_id="observe", runs=10, first=days(90), last=days(60))
    fill(owner, dag_id="waits", runs=1, first=days(50), last=days(50), state="running")
    fill(owner, dag_id="between", runs=10, first=days(49), last=days(40))
    owner.execute(
        "insert into trigger (classpath, kwargs, created_date) values ('a.B', '{}', %s) returning id", (days(51),)
    )
    (trigger,) = owner.fetchone()
    owner.execute(
        "update task_instance set trigger_id = %s where dag_id = 'waits' and task_id = 'work'", (trigger,)
    )
    assert run()["dag_run"] == 10
    assert count(owner, "dag_id = 'waits'") == PER_RUN
    assert count(owner, "dag_id = 'between'") == {table: 10 * rows for table, rows in PER_RUN.items()}
    owner.execute("select id from trigger")
    assert owner.fetchall() == [(trigger,)]
    assert "The run run-1 of the DAG waits has not ended since" in capsys.readouterr().out
    owner.execute("update dag_run set state = 'failed'")
    assert run()["dag_run"] == 11
    assert count(owner) == dict.fromkeys(PER_RUN, 0)


def test_a_deferred_task_within_the_retention_stays(owner: Any, run: Run) -> None:
    fill(owner, dag_id="waits", runs=3, first=days(29), last=days(1), state="running")
    before = count(owner)
    assert sum(run().values()) == 0
    assert count(owner) == before


def test_a_retention_under_seven_days_deletes_nothing(
    owner: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(owner, dag_id="old", runs=3, first=days(90), last=days(80))
    monkeypatch.setenv("ATDB_KEEP_AIRFLOW_DAYS", "6")
    with pytest.raises(Exception, match="ATDB_KEEP_AIRFLOW_DAYS must be a whole number of days from 7"):
        run()
    assert count(owner)["dag_run"] == 3


def test_a_killed_cleanup_is_ended_and_what_it_left_is_dropped(
    owner: Any, run: Run, airflow: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(owner, dag_id="old", runs=4000, first=days(90), last=days(31))
    owner.execute(
        "begin; lock table task_instance in share mode"
    )  # the cleanup waits here, during its first batch
    killed = start_cleanup(airflow)
    with closing(database.connect(airflow.settings, airflow.credentials, database="airflow")) as admin:
        watch = admin.cursor()
        deadline = time.monotonic() + 120
        while not (waits := waiting(watch)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        killed.kill()
        killed.wait()
        left = archives(watch)
        assert left
        assert waiting(watch) == waits  # PostgreSQL does not notice that its client was killed
        owner.execute("rollback")
    deleted = run()
    assert archives(owner) == []
    assert count(owner) == dict.fromkeys(PER_RUN, 0)
    assert deleted["dag_run"] == 4000
    assert f"Dropped maintenance.{left[0]}, which a killed cleanup has left behind" in capsys.readouterr().out


def start_cleanup(airflow: Postgres) -> subprocess.Popen[bytes]:
    url = database.url(airflow.settings, airflow.credentials, "airflow_maintenance", "airflow")
    environment = airflow_environment(airflow.settings, airflow.credentials)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "airflow",
            "db",
            "clean",
            "--clean-before-timestamp",
            days(30).isoformat(),
            "--yes",
            "--skip-archive",
        ],
        env=airflow_tables._environment({**os.environ, **environment}, url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def waiting(admin: Any) -> list[Any]:
    admin.execute(
        "select pid from pg_stat_activity where usename = 'airflow_maintenance' and wait_event_type = 'Lock'"
    )
    return list(admin.fetchall())


def test_a_cleanup_that_fails_fails_the_task(owner: Any, run: Run) -> None:
    fill(owner, dag_id="old", runs=3, first=days(90), last=days(80))
    owner.execute("revoke delete on xcom from airflow_maintenance")
    try:
        with pytest.raises(RuntimeError, match="airflow db clean failed with exit code 1"):
            run()
    finally:
        owner.execute("grant delete on xcom to airflow_maintenance")
    assert archives(owner) == []


def test_the_role_is_granted_every_table_that_the_command_cleans_and_no_other(owner: Any) -> None:
    owner.execute("""
        select table_name, string_agg(privilege_type, ' ' order by privilege_type)
        from information_schema.table_privileges where grantee = 'airflow_maintenance' group by 1""")
    granted = dict(owner.fetchall())
    owner.execute("select tablename from pg_tables where schemaname = 'public'")
    existing = {name for (name,) in owner.fetchall()}
    assert granted.pop("asset_partition_dag_run") == "SELECT"
    assert granted == dict.fromkeys(existing & set(config_dict), "DELETE SELECT")


@pytest.mark.parametrize(
    "statement",
    [
        "select * from connection",
        "select * from variable",
        "select * from slot_pool",
        "delete from slot_pool",
        "delete from asset_partition_dag_run",
        "update dag_run set state = 'failed'",
        "insert into log (event) values ('mine')",
        "truncate xcom",
        "drop table xcom",
        "create table public.mine (id int)",
        "create function public.lower(varchar) returns text language sql as 'select $1::text'",
        "create schema mine",
        "create schema airflow",
        "create temporary table mine (id int)",
        "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, '')",
        "select pg_advisory_lock(1)",
        "set role airflow",
        "create role mine",
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'true'",
    ],
)
def test_the_role_can_do_nothing_else(role: Any, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        role.execute(statement)


_TRAP = """
create function {schema}.lower(varchar) returns text language sql as $$select 'trapped ' || current_user$$"""


def test_the_owner_calls_no_function_of_the_role(owner: Any, role: Any) -> None:
    fill(owner, dag_id="Upper", runs=1, first=NOW, last=NOW)
    role.execute(_TRAP.format(schema="maintenance"))
    try:
        owner.execute("select distinct lower(dag_id) from dag_run")
        assert owner.fetchall() == [("upper",)]
    finally:
        role.execute("drop function maintenance.lower(varchar)")


def test_what_the_role_of_a_former_version_could_create_is_gone(
    owner: Any, role: Any, run: Run, airflow: Postgres
) -> None:
    fill(owner, dag_id="Upper", runs=1, first=NOW, last=NOW)
    owner.execute("grant create on schema public to airflow_maintenance, public")
    role.execute(_TRAP.format(schema="public"))
    role.execute("create table public._airflow_deleted__xcom__20190405 (id int)")
    owner.execute("select distinct lower(dag_id) from dag_run")
    assert owner.fetchall() == [("trapped airflow",)]
    prepare_airflow(airflow.settings, airflow.credentials)
    owner.execute("select distinct lower(dag_id) from dag_run")
    assert owner.fetchall() == [("upper",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        role.execute(_TRAP.format(schema="public"))
    run()
    assert archives(owner) == []


def test_the_role_cannot_connect_to_atdbs_database(airflow: Postgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        database.connect(airflow.settings, airflow.credentials, "airflow_maintenance", "atdb")
