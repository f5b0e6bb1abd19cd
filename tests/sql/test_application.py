"""The role of the API reads and writes rows, owns nothing, and cannot rewrite the history."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import connection

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.stack import database
from tests.conftest import Postgres


@pytest.fixture
def application(database_url: str, observe: Callable[..., Observation]) -> Iterator[connection]:
    observe(Status.VALID, products=1)
    with closing(psycopg2.connect(database_url.replace("+psycopg2", ""))) as opened:
        yield opened


def test_it_owns_nothing(application: connection) -> None:
    with application.cursor() as cursor:
        cursor.execute("select relname from pg_class where pg_get_userbyid(relowner) = 'atdb'")
        assert cursor.fetchall() == []
        cursor.execute("select datname from pg_database where pg_get_userbyid(datdba) = 'atdb'")
        assert cursor.fetchall() == []
        cursor.execute(  # an object of any kind, such as a function or a trigger's
            "select classid::regclass, objid from pg_shdepend where refclassid = 'pg_authid'::regclass "
            "and refobjid = 'atdb'::regrole and deptype = 'o' "
            "and dbid in (0, (select oid from pg_database where datname = current_database()))"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "select rolname from pg_roles "
            "where pg_has_role('atdb', oid, 'member') and rolname <> 'atdb' or rolname = 'atdb' and rolsuper"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "statement",
    [
        "update transitions set reason = 'x'",
        "delete from transitions",
        "truncate transitions",
        "delete from changes",
        "delete from receipts",
        "delete from events",
        "update night_reports set content = '{}'",
        "alter table transitions disable trigger all",
        "alter table observations add column more text",
        "drop table transitions",
        "drop view reports.observations",
        "create table more (one integer)",
        "create schema more",
        "create function public.evil() returns integer language sql as 'select 1'",
        "update alembic_version set version_num = '0001'",
        "set session_replication_role = replica",
        "set role atdb_owner",
        "select pg_advisory_lock(1)",
        "select lo_create(0)",
        "select * from pg_authid",
        "copy (select 1) to program 'true'",
    ],
)
def test_it_can_do_nothing_beyond_rows(application: connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), application.cursor() as cursor:
        cursor.execute(statement)


def test_it_cannot_connect_to_airflows_database(postgres: Postgres) -> None:
    database.prepare_owner(postgres.settings, postgres.credentials, "airflow")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(postgres.url("airflow", "atdb").replace("+psycopg2", ""))


def test_an_upgrade_by_it_is_refused_and_the_message_names_the_owner(database_url: str) -> None:
    app = create_app(Config(database_url=database_url))
    result = app.test_cli_runner().invoke(args=["migrate"])
    app.extensions["atdb_engine"].dispose()
    assert result.exit_code == 1
    assert "The role atdb cannot upgrade the database" in result.output
    assert "owner" in result.output


def test_what_the_role_owned_in_an_older_version_belongs_to_the_owner_after_a_start(
    postgres: Postgres, database_url: str
) -> None:
    """The database as a stack of an older version has left it."""
    settings, credentials = postgres.settings, postgres.credentials
    with closing(database.connect(settings, credentials, database="postgres")) as admin:
        admin.cursor().execute("create database older owner atdb")
    try:
        with closing(database.connect(settings, credentials, "atdb", "older")) as older:
            older.cursor().execute(
                "create schema reports; create table kept (one integer); insert into kept values (1)"
            )
            older.commit()
        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(database.OWNERS, "older", "atdb_owner")
            database.prepare_owner(settings, credentials, "older")
            database.prepare_application(settings, credentials, "older")
        with closing(database.connect(settings, credentials, "atdb_owner", "older")) as older:
            cursor = older.cursor()
            cursor.execute("select one from kept")
            assert cursor.fetchall() == [(1,)]
            cursor.execute("select pg_get_userbyid(datdba) from pg_database where datname = 'older'")
            assert cursor.fetchall() == [("atdb_owner",)]
        with (
            closing(database.connect(settings, credentials, "atdb", "older")) as older,
            pytest.raises(InsufficientPrivilege),
            older.cursor() as cursor,
        ):
            cursor.execute("drop table kept")
    finally:
        with closing(database.connect(settings, credentials, database="postgres")) as admin:
            admin.cursor().execute("drop database older")
