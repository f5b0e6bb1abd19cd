"""The role of the DAG maintenance can delete what has expired, and can do and read nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from alembic import command
from psycopg2.extensions import connection

from atdb_api.models import Base
from atdb_api.schema.migrations import alembic_config
from standalone.stack import database
from tests.conftest import Postgres

VIEWS = ("ended_sessions", "used_idempotency_keys", "expired_claims")
#: Rows that have not expired: a session and a token of the past, one session of today, and promises of a day.
LIVE = """
insert into tokens (account_name, name, sha256, is_session, expires_at) values
    ('viewer', 'live session', 'a', true, now() + interval '1 minute'),
    ('viewer', 'ended token', 'b', false, now() - interval '1 year'),
    ('viewer', 'endless token', 'c', false, null);
insert into kept_answers (account, key, request_sha256, status, body, created_at)
    values ('viewer', 'live', '', 201, '', now() - interval '23 hours');
insert into claims (id, consumer, expires_at, tasks) values ('live', 'me', now() - interval '23 hours', '[]')
"""
EXPIRED = """
insert into tokens (account_name, name, sha256, is_session, expires_at)
    values ('viewer', 'ended session', 'd', true, now() - interval '1 minute');
insert into kept_answers (account, key, request_sha256, status, body, created_at)
    values ('viewer', 'expired', '', 201, '', now() - interval '25 hours');
insert into claims (id, consumer, expires_at, tasks) values ('expired', 'me', now() - interval '25 hours', '[]')
"""


@contextmanager
def connected(url: str) -> Iterator[connection]:
    opened = psycopg2.connect(url.replace("+psycopg2", ""))
    opened.autocommit = True
    yield opened
    opened.close()


@pytest.fixture
def owner(owner_url: str) -> Iterator[connection]:
    with connected(owner_url) as opened:
        opened.cursor().execute(LIVE)
        yield opened


@pytest.fixture
def role(postgres: Postgres, owner_url: str) -> Iterator[connection]:
    with connected(postgres.url(owner_url.rpartition("/")[2], "maintenance")) as opened:
        yield opened


def rows(opened: connection, statement: str) -> list[tuple[object, ...]]:
    cursor = opened.cursor()
    cursor.execute(statement)
    return list(cursor.fetchall())


def test_what_has_expired_is_all_that_it_deletes(owner: connection, role: connection) -> None:
    owner.cursor().execute(EXPIRED)
    for view in VIEWS:
        cursor = role.cursor()
        cursor.execute(f"delete from maintenance.{view}")
        assert cursor.rowcount == 1, view
    assert rows(owner, "select name from tokens order by id") == [
        ("live session",),
        ("ended token",),
        ("endless token",),
    ]
    assert rows(owner, "select key from kept_answers") == [("live",)]
    assert rows(owner, "select id from claims") == [("live",)]


def test_it_sees_one_time_of_what_has_expired_and_nothing_else(owner: connection, role: connection) -> None:
    owner.cursor().execute(EXPIRED)
    for view in VIEWS:
        (row,) = rows(role, f"select * from maintenance.{view}")
        assert len(row) == 1, view


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_it_can_do_nothing_with_a_table(role: connection, table: str) -> None:
    column = Base.metadata.tables[table].columns.keys()[-1]  # the first may be an identity
    for statement in (
        f"select {column} from {table}",
        f"select count(*) from {table}",
        f"delete from {table}",
        f"update {table} set {column} = {column}",
        f"insert into {table} default values",
        f"truncate {table}",
        f"begin; lock table {table}",
        f"drop table {table}",
        f"alter table {table} disable trigger all",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            role.cursor().execute(statement)
        role.cursor().execute("rollback")


@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (id int)",
        "create table maintenance.mine (id int)",
        "create schema mine",
        "create or replace view maintenance.ended_sessions as select now() as ended_at",
        "update maintenance.ended_sessions set ended_at = now()",
        "insert into maintenance.expired_claims values (now())",
        "set role atdb",
        "set session authorization atdb",
        "create role mine",
        "create extension vector",
        "select lo_create(0)",
        "select pg_advisory_lock(1)",
        "select * from reports.observations",
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'true'",
    ],
)
def test_it_can_do_nothing_else(role: connection, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        role.cursor().execute(statement)


def test_it_cannot_connect_to_airflows_database(postgres: Postgres) -> None:
    database.prepare_owner(postgres.settings, postgres.credentials, "airflow")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(postgres.url("airflow", "maintenance").replace("+psycopg2", ""))


def test_an_upgrade_grants_what_a_role_of_later_needs(
    postgres: Postgres, owner_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a site's own server, where the role does not exist at the first upgrade."""
    with closing_admin(postgres) as admin:
        admin.cursor().execute("alter role maintenance rename to maintenance_elsewhere")
        try:
            with caplog.at_level(logging.WARNING):
                command.upgrade(alembic_config(owner_url), "head")
            assert "has no role maintenance" in caplog.text
            assert "docs/operation.md" in caplog.text
        finally:
            admin.cursor().execute("alter role maintenance_elsewhere rename to maintenance")
    database.prepare_login(postgres.settings, postgres.credentials, "maintenance", database="atdb")
    with connected(owner_url) as owner, connected(postgres.url(owner.info.dbname, "maintenance")) as role:
        owner.cursor().execute("revoke all on all tables in schema maintenance from maintenance")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(role, "select * from maintenance.expired_claims")
        command.upgrade(alembic_config(owner_url), "head")
        assert rows(role, "select * from maintenance.expired_claims") == []


@contextmanager
def closing_admin(postgres: Postgres) -> Iterator[connection]:
    opened = database.connect(postgres.settings, postgres.credentials)
    yield opened
    opened.close()
