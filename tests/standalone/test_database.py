"""The embedded PostgreSQL is created once, always requires a password, and accepts only local connections."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg2
import pytest

from standalone.credentials import Credentials
from standalone.settings import HOST, Settings
from standalone.stack import database, processes


@pytest.fixture
def server(settings: Settings, credentials: Credentials) -> Iterator[psutil.Popen]:
    database.initialise(settings, credentials)
    owner = database.account()
    process = psutil.Popen(
        database.server_command(settings),
        user=owner and owner.pw_uid,
        group=owner and owner.pw_gid,
        env=processes.marker(settings, "postgres"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while database.unready(settings, credentials):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process
    processes.end(settings)
    process.wait()


def test_a_second_start_changes_nothing(
    settings: Settings, credentials: Credentials, server: psutil.Popen
) -> None:
    for _ in range(2):
        database.initialise(settings, credentials)
        database.prepare_owner(settings, credentials, "atdb")
    with (
        closing(database.connect(settings, credentials, "atdb_owner", "atdb")) as opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE observation (task_id text)")
        opened.commit()
    database.prepare_owner(settings, credentials, "atdb")
    with (
        closing(database.connect(settings, credentials, "atdb_owner", "atdb")) as opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM observation")
        assert cursor.fetchone() == (0,)


def test_a_wrong_password_is_refused(settings: Settings, credentials: Credentials, server: psutil.Popen) -> None:
    for password in ("", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=HOST, port=settings.postgres_port, user="postgres", password=password)
    other = replace(credentials, postgresql={**credentials.postgresql, "postgres": "wrong"})
    with pytest.raises(database.DatabaseError, match=r"secrets\.json"):
        database.unready(settings, other)


def test_a_role_cannot_enter_the_database_of_another(
    settings: Settings, credentials: Credentials, server: psutil.Popen
) -> None:
    for role in ("atdb", "airflow"):
        database.prepare_owner(settings, credentials, role)
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(
            host=HOST,
            port=settings.postgres_port,
            user="airflow",
            password=credentials.postgresql["airflow"],
            dbname="atdb",
        )


def test_it_listens_on_this_machine_only(server: psutil.Popen) -> None:
    listening = [each for each in server.net_connections("all") if each.status == psutil.CONN_LISTEN]
    assert [each.laddr[0] for each in listening] == [HOST]
    assert not [each for each in server.net_connections("unix") if each.laddr]


def test_an_incomplete_cluster_is_created_again(settings: Settings, credentials: Credentials) -> None:
    unfinished = settings.state / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    database.initialise(settings, credentials)
    assert (settings.cluster / "global" / "pg_control").exists()
    assert not unfinished.exists()


def test_no_password_stays_behind(settings: Settings, credentials: Credentials) -> None:
    database.initialise(settings, credentials)
    secret = credentials.postgresql["postgres"].encode()
    holders = [path for path in settings.state.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert holders == [settings.credentials]


def test_the_lock_of_a_dead_server_is_forgotten(settings: Settings) -> None:
    settings.cluster.mkdir()
    lock = settings.cluster / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{settings.cluster}\n")  # this test has the process id of the dead server
    database.forget_dead_server(settings)
    assert not lock.exists()


def test_the_lock_of_a_live_server_stays(settings: Settings, server: psutil.Popen) -> None:
    database.forget_dead_server(settings)
    assert (settings.cluster / "postmaster.pid").exists()


def test_a_killed_server_leaves_nothing_after_a_sweep(
    settings: Settings, credentials: Credentials, server: psutil.Popen
) -> None:
    server.kill()
    server.wait()
    processes.end(settings, "postgres")
    folder = str(settings.cluster)
    assert not [
        each for each in psutil.process_iter(["name"]) if each.info["name"] == "postgres" and _cwd(each) == folder
    ]


def _cwd(process: psutil.Process) -> str:
    try:
        return str(Path(process.cwd()))
    except psutil.Error:
        return ""
