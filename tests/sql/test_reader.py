"""The role that reads the views for reports can read nothing else, and can change nothing."""

from collections.abc import Callable

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from psycopg2.extensions import connection

from atdb_api.models import Base
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import Postgres
from tests.sql.conftest import Login

VIEWS = (
    *("dataproducts", "disks", "events", "observations", "receipts"),
    *("stages", "statuses", "stays", "transitions"),
)
#: Statements that are refused even after the session has made its transactions writable.
REFUSED = (
    "select rolpassword from pg_authid",
    "select * from pg_shadow",
    "select pg_read_file('PG_VERSION')",
    "select pg_read_binary_file('PG_VERSION')",
    "select * from pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select lo_create(0)",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, '')",
    "select pg_logical_emit_message(true, 'x', '')",
    "select pg_logical_emit_message(true, 'x', '\\x00'::bytea)",
    "select pg_advisory_lock(1)",
    "select pg_advisory_xact_lock_shared(1, 1)",
    "select pg_try_advisory_lock(1)",
    "select count(pg_try_advisory_xact_lock(g)) from generate_series(1, 60000) g",
    "copy (select 1) to '/tmp/atdb-copy'",
    "copy (select 1) to program 'true'",
    "create temporary table mine (a integer)",
    "create table mine (a integer)",
    "create table reports.mine (a integer)",
    "create view reports.mine as select 1",
    "create schema mine",
    "create function reports.mine() returns integer language sql as 'select 1'",
    "create role mine",
    "create database mine",
    "create extension vector",
    "alter role reports superuser",
    "alter role atdb password 'mine'",
    "set role atdb",
    "set session authorization postgres",
    "insert into reports.observations (task_id) values ('1')",
    "update reports.observations set name = 'mine'",
    "update reports.disks set free_bytes = 0",
    "delete from reports.transitions",
    "delete from reports.receipts",
    "drop view reports.observations",
    "select * from reports.observations for update",
    "lock table reports.observations in exclusive mode",
    "select setval('public.observations_id_seq', 1)",
    "select nextval('public.observations_id_seq')",
    "select pg_reload_conf()",
    "alter system set work_mem = '1GB'",
    "alter database atdb set work_mem = '1GB'",
)


@pytest.fixture
def writable(reader: connection) -> connection:
    """Return a session that has left the read-only mode, as any session can."""
    with reader.cursor() as cursor:
        cursor.execute("set session characteristics as transaction read write")
    reader.commit()
    return reader


def refused(session: connection, statement: str) -> psycopg2.Error:
    session.rollback()
    session.autocommit = statement.startswith(("create database", "alter system"))  # have no transaction
    try:
        with session.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
            cursor.execute(statement)
        return caught.value
    finally:
        session.rollback()
        session.autocommit = False


def test_it_reads_every_view(reader: connection, observe: Callable[..., Observation]) -> None:
    observe(Status.REMOVED, products=2)
    with reader.cursor() as cursor:
        cursor.execute("select relname from pg_class where relnamespace = 'reports'::regnamespace order by 1")
        assert tuple(name for (name,) in cursor.fetchall()) == VIEWS
        for view in VIEWS:
            cursor.execute(f"table {view}")  # found without the name of the schema
            assert (len(cursor.fetchall()) > 0) == (view not in ("disks", "events")), view


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_it_cannot_read_a_table(writable: connection, table: str) -> None:
    statement = f"table public.{table}"
    assert isinstance(refused(writable, statement), InsufficientPrivilege)


def test_no_view_shows_what_belongs_to_accounts(reader: connection) -> None:
    with reader.cursor() as cursor:
        cursor.execute(
            "select distinct used.relname from pg_depend as link "
            "join pg_rewrite as rule on rule.oid = link.objid and link.classid = 'pg_rewrite'::regclass "
            "join pg_class as view on view.oid = rule.ev_class join pg_class as used on used.oid = link.refobjid "
            "where view.relnamespace = 'reports'::regnamespace and used.relnamespace = 'public'::regnamespace"
        )
        assert {name for (name,) in cursor.fetchall()} == {
            *("dataproducts", "disk_usages", "events", "observations", "receipts", "stages", "transitions")
        }


@pytest.mark.parametrize("statement", REFUSED)
def test_it_cannot_change_anything_or_read_files(
    writable: connection, observe: Callable[..., Observation], statement: str
) -> None:
    error = refused(writable, statement)
    assert isinstance(error, InsufficientPrivilege), error


def test_it_reads_only_from_the_start(reader: connection) -> None:
    with reader.cursor() as cursor:
        cursor.execute(
            "select name, setting from pg_settings where name in ('default_transaction_read_only', "
            "'statement_timeout', 'idle_in_transaction_session_timeout') order by name"
        )
        assert dict(cursor.fetchall()) == {
            "default_transaction_read_only": "on",
            "idle_in_transaction_session_timeout": "600000",
            "statement_timeout": "300000",
        }
    assert isinstance(refused(reader, "alter role reports password 'mine'"), ReadOnlySqlTransaction)


@pytest.mark.parametrize("other", ["postgres", "template1", "airflow"])
def test_it_can_enter_no_other_database(postgres: Postgres, reader: connection, other: str) -> None:
    from standalone.stack import database

    database.prepare_owner(postgres.settings, postgres.credentials, "airflow")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(postgres.url(other, "reports").replace("+psycopg2", ""))


def test_it_has_a_limit_of_connections(log_in: Login) -> None:
    for _ in range(10):
        log_in()
    with pytest.raises(psycopg2.OperationalError, match="too many connections"):
        log_in()
