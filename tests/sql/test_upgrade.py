"""An upgrade drops the views and creates them again with the migrations; no reader or site's view blocks it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from alembic import command
from alembic.util import CommandError
from psycopg2.extensions import connection
from psycopg2.sql import SQL, Identifier
from sqlalchemy import Engine, create_engine, make_url, text

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.schema.migrations import alembic_config
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.stack import database
from tests.conftest import Postgres
from tests.sql.conftest import Login


@pytest.fixture
def engine(owner_url: str) -> Iterator[Engine]:
    made = create_engine(owner_url)
    yield made
    made.dispose()


def views(engine: Engine) -> set[str]:
    with engine.connect() as opened:
        rows = opened.scalars(
            text("select schemaname || '.' || viewname from pg_views where schemaname like '%reports'")
        )
        return set(rows)


def count(reader: connection, view: str) -> int:
    with reader, reader.cursor() as cursor:
        cursor.execute(SQL("select count(*) from {}").format(Identifier(*view.split("."))))
        row = cursor.fetchone()
    assert row
    return int(row[0])


def test_a_migration_changes_a_table_under_the_views(
    owner_url: str, engine: Engine, observe: Callable[..., Observation], log_in: Login
) -> None:
    observe(Status.VALID, products=1)
    before, config = views(engine), alembic_config(owner_url)
    assert len(before) == 9
    command.downgrade(config, "0003")  # drops observations.size_bytes, which a view reads
    assert views(engine) == set()
    command.upgrade(config, "head")
    command.check(config)
    assert views(engine) == before
    assert count(log_in(), "reports.observations") == 1


def test_an_upgrade_keeps_the_locations_of_what_the_archive_holds(
    owner_url: str, engine: Engine, client: Client, observe: Callable[..., Observation]
) -> None:
    collections = {
        Status.SCHEDULED: "imaging/190405034/manifest.json",
        Status.ARCHIVED: "/imaging/190405034/deep/",
        Status.REMOVED: "",
        Status.COMPLETED: "arts_main",
    }
    made = {
        status: observe(status, products=2, irods_collection=collection)
        for status, collection in collections.items()
    }
    config = alembic_config(owner_url)
    command.downgrade(config, "0007")
    with engine.begin() as opened:
        opened.execute(text("update dataproducts set size = 28800 where status = 'defined'"))
        opened.execute(text("update dataproducts set size = 1000 where status <> 'defined'"))
    command.upgrade(config, "head")
    folders = {  # what the version before has archived stays where it is
        Status.SCHEDULED: "imaging",
        Status.ARCHIVED: "imaging/190405034/deep",
        Status.REMOVED: "imaging",
        Status.COMPLETED: "arts_main",
    }
    for status, observation in made.items():
        products = list(client.dataproducts(taskID=observation.taskID))
        assert [product.archive_location for product in products] == [
            f"{folders[status]}/{observation.taskID}/{observation.taskID}_{n}.fits" for n in range(2)
        ]
        announced = 28_800 if status is Status.SCHEDULED else None
        assert {product.announced_size for product in products} == {announced}
        assert {(product.identity, product.disk) for product in products} == {(None, None)}


def test_an_upgrade_does_not_wait_for_a_session_that_reads(owner_url: str, log_in: Login) -> None:
    reading, idle = log_in(), log_in()
    with reading.cursor() as cursor:
        cursor.execute("select count(*) from reports.observations")  # and its transaction stays open
    begun = time.monotonic()
    command.upgrade(alembic_config(owner_url), "head")
    assert time.monotonic() - begun < 10
    with pytest.raises(psycopg2.OperationalError), reading.cursor() as cursor:
        cursor.execute("select 1")
    with pytest.raises(psycopg2.OperationalError), idle.cursor() as cursor:
        cursor.execute("select 1")
    assert count(log_in(), "reports.observations") == 0


def test_a_reader_that_connects_again_at_once_blocks_no_upgrade(owner_url: str, log_in: Login) -> None:
    ended, refused, reading = threading.Event(), threading.Event(), threading.Semaphore(0)

    def read_on() -> None:
        while not ended.is_set():
            try:
                with log_in().cursor() as cursor:
                    cursor.execute("select count(*) from reports.observations")
                    reading.release()
                    cursor.execute("select pg_sleep(60)")
            except psycopg2.OperationalError:
                refused.set()
                time.sleep(0.01)

    readers = [threading.Thread(target=read_on, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    config = alembic_config(owner_url)
    for _ in readers:
        assert reading.acquire(timeout=60)
    for _ in range(3):
        command.upgrade(config, "head")
    assert refused.is_set()
    ended.set()
    command.upgrade(config, "head")  # ends the sleeping sessions
    for reader in readers:
        reader.join(30)
        assert not reader.is_alive()


def test_a_failed_upgrade_lets_readers_in_again(
    owner_url: str, log_in: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_SITE_REPORTS", str(tmp_path))
    (tmp_path / "wrong.sql").write_text("create nonsense;")
    with pytest.raises(CommandError):
        command.upgrade(alembic_config(owner_url), "head")
    assert count(log_in(), "reports.observations") == 0


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("create sequence site_reports.s", "creates a sequence"),
        ("create type site_reports.t as enum ('a')", "creates a type"),
        ("create type site_reports.t as (a int)", "creates a type"),
        ("create domain site_reports.d as text", "creates a type"),
        ("rollback", "ends the transaction"),
        ("commit", "ends the transaction"),
        ("-- caf\xe9", "wrong.sql"),
    ],
)
def test_what_could_block_the_next_upgrade_is_refused(
    owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, message: str
) -> None:
    config = alembic_config(owner_url)
    with monkeypatch.context() as patched:
        patched.setenv("ATDB_SITE_REPORTS", str(tmp_path))
        (tmp_path / "wrong.sql").write_text(statement, encoding="latin-1")
        with pytest.raises(CommandError, match=message):
            command.upgrade(config, "head")
    command.upgrade(config, "head")


def test_commands_that_only_look_end_no_session(owner_url: str, log_in: Login) -> None:
    reading = log_in()
    with reading.cursor() as cursor:
        cursor.execute("select count(*) from reports.observations")
        command.check(alembic_config(owner_url))
        command.current(alembic_config(owner_url))
        cursor.execute("select count(*) from reports.observations")


@pytest.mark.parametrize(
    "statement",
    [
        "create view public.by_hand as select task_id from reports.observations",
        "create view reports.by_hand as select 1 as one",
        "create materialized view public.by_hand as select task_id from reports.stays",
        "create table reports.by_hand (note text)",
    ],
)
def test_what_was_built_by_hand_is_named_and_never_dropped(owner_url: str, engine: Engine, statement: str) -> None:
    with engine.begin() as opened:
        opened.execute(text(statement))
    app = create_app(Config(database_url=owner_url))
    result = app.test_cli_runner().invoke(args=["migrate"])
    app.extensions["atdb_engine"].dispose()
    assert result.exit_code == 1
    assert "by_hand" in result.output
    assert "ATDB_SITE_REPORTS" in result.output
    with engine.begin() as opened:
        assert opened.scalar(text("select count(*) from pg_class where relname = 'by_hand'")) == 1
    assert "reports.observations" in views(engine)


def test_the_views_of_a_site_come_back_with_each_upgrade(
    owner_url: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_in: Login
) -> None:
    (tmp_path / "1.sql").write_text(
        "create view site_reports.imaging as select task_id from reports.observations "
        "where observing_mode like 'imag%' and start_time < now() + '1:00'::interval;"
    )
    (tmp_path / "2.sql").write_text("create view site_reports.both as select * from site_reports.imaging;")
    monkeypatch.setenv("ATDB_SITE_REPORTS", str(tmp_path))
    config = alembic_config(owner_url)
    for _ in range(2):
        command.upgrade(config, "head")
        assert {"site_reports.imaging", "site_reports.both"} < views(engine)
        assert count(log_in(), "site_reports.both") == 0
    (tmp_path / "2.sql").write_text("create view site_reports.both as select lost from reports.observations;")
    with pytest.raises(CommandError, match=r"2\.sql.*lost"):
        command.upgrade(config, "head")
    assert {"site_reports.imaging", "site_reports.both"} < views(engine)  # as before
    (tmp_path / "2.sql").write_text("create table site_reports.both (note text);")
    with pytest.raises(CommandError, match="only views and functions"):
        command.upgrade(config, "head")
    monkeypatch.delenv("ATDB_SITE_REPORTS")
    command.upgrade(config, "head")
    assert not [view for view in views(engine) if view.startswith("site_reports.")]


@contextmanager
def without_the_role(postgres: Postgres) -> Iterator[None]:
    opened = database.connect(postgres.settings, postgres.credentials)
    with closing(opened), opened.cursor() as cursor:
        cursor.execute("alter role reports rename to renamed")
        try:
            yield
        finally:
            cursor.execute("alter role renamed rename to reports")


def test_without_the_role_the_upgrade_works_and_reports_it(
    postgres: Postgres, owner_url: str, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    config = alembic_config(owner_url)
    with without_the_role(postgres), caplog.at_level(logging.WARNING):
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        assert len(views(engine)) == 9
    assert "no role reports" in caplog.text


def test_a_session_that_the_upgrade_may_not_end_is_reported(
    postgres: Postgres, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atdb_api.schema.reports._PATIENCE", "1s")
    name = make_url(owner_url).database
    with database.connect(postgres.settings, postgres.credentials, database=name) as superuser:
        superuser.set_session(autocommit=False)
        with superuser.cursor() as cursor:
            cursor.execute("select count(*) from reports.stays")
            with pytest.raises(CommandError, match="another session has used a view"):
                command.upgrade(alembic_config(owner_url), "head")
        superuser.rollback()
    command.upgrade(alembic_config(owner_url), "head")
