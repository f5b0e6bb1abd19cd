"""`python -m tests.benchmarks.maintenance [RUNS [SECONDS]]`: how maintenance affects a running scheduler.

Airflow's database gets 50,000 runs that are older than the retention, and a tenth as many younger ones. Then the
DAG maintenance deletes the old ones. Meanwhile, a run of a probe DAG is created twice a second over Airflow's
API. Its only task is empty, so the scheduler alone moves it from queued to success. The same is measured for a
while before and after maintenance, in the same processes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from operators.maintenance.retention import AIRFLOW
from standalone.settings import REPOSITORY, Settings
from standalone.stack import database, preparation, private_connections, programs
from tests.airflow_rows import PER_RUN, fill
from tests.conftest import Postgres, free_ports

PROBE = """
from datetime import UTC, datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
with DAG("probe", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    EmptyOperator(task_id="empty")
with DAG("warm", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    BashOperator(task_id="true", bash_command="true", retries=20, retry_delay=1)
"""
PROBE_SECONDS = 0.5
LOG_FILES = 10_000
#: The share of young runs.
YOUNG = 1 / 11

_WAITS = """
with probe as (
    select queued_at, end_date, end_date - lag(end_date) over (order by end_date) as gap from dag_run
    where dag_id = 'probe' and state = 'success' and queued_at between %s and %s
)
select count(*), percentile_cont(0.5) within group (order by extract(epoch from end_date - queued_at)),
    extract(epoch from max(end_date - queued_at)), extract(epoch from max(gap))
from probe"""


@dataclass(frozen=True)
class Phase:
    """The scheduler's times in a period, in seconds."""

    name: str
    probes: int
    median_wait: float
    longest_wait: float
    between_decisions: float
    between_heartbeats: float

    def __str__(self) -> str:
        return (
            f"{self.name:<20}{self.probes:>7}{self.median_wait:>13.2f}{self.longest_wait:>14.2f}"
            f"{self.between_decisions:>19.2f}{self.between_heartbeats:>20.2f}"
        )


HEAD = (
    f"{'':<20}{'':>7}{'median':>13}{'longest':>14}{'longest between':>19}{'longest between':>20}\n"
    f"{'seconds':<20}{'probes':>7}{'wait':>13}{'wait':>14}{'decisions':>19}{'heartbeats':>20}"
)


class Watch:
    """Creates probes and records the scheduler's heartbeats, until it is stopped."""

    def __init__(self, postgres: Postgres, http: httpx.Client) -> None:
        self._postgres, self._http = postgres, http
        self._stopped = threading.Event()
        self._beats: list[datetime] = []
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._probe, self._beat)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def phase(self, name: str, begin: datetime, end: datetime) -> Phase:
        """Wait until the last probe has ended, and return the times between two moments."""
        time.sleep(10)
        with connected(self._postgres) as cursor:
            cursor.execute(_WAITS, (begin, end))
            probes, median, longest, between = cursor.fetchone()
        beats = [beat for beat in self._beats if begin <= beat <= end]
        gap = max(later - earlier for earlier, later in pairwise(beats))
        return Phase(name, probes, float(median), float(longest), float(between), gap.total_seconds())

    def _probe(self) -> None:
        while not self._stopped.wait(PROBE_SECONDS):
            made = self._http.post("dags/probe/dagRuns", json={"logical_date": None})
            assert made.is_success, made.text

    def _beat(self) -> None:
        with connected(self._postgres) as cursor:
            while not self._stopped.wait(0.1):
                cursor.execute("select max(latest_heartbeat) from job where job_type = 'SchedulerJob'")
                (beat,) = cursor.fetchone()
                if beat and (not self._beats or beat > self._beats[-1]):
                    self._beats.append(beat)


@contextmanager
def connected(postgres: Postgres) -> Iterator[Any]:
    with closing(database.connect(postgres.settings, postgres.credentials, "airflow")) as opened:
        opened.autocommit = True
        yield opened.cursor()


@contextmanager
def airflow(postgres: Postgres, dags: Path) -> Iterator[httpx.Client]:
    """Run Airflow's API server and scheduler as the stack does, and yield a client of the API."""
    settings, credentials = postgres.settings, postgres.credentials
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("airflow-api-server", "scheduler"):
            program = programs.program(name, settings, credentials)
            environment = programs.command_environment(settings, name, program.environment)
            environment["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
            if not running:
                command = [program.command[0], "dags", "reserialize"]
                subprocess.run(command, env=environment, check=True, capture_output=True)
            with (settings.logs / f"{name}.log").open("wb") as log:
                running.append(subprocess.Popen(program.command, env=environment, stdout=log, stderr=log))
        with httpx.Client(base_url=f"{settings.airflow_url}/api/v2/", timeout=60) as http:
            wait_until_healthy(http)
            login = {"username": "admin", "password": credentials.airflow_ui["admin"]}
            token = http.post(f"{settings.airflow_url}/auth/token", json=login).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield http
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(60)


def wait_until_healthy(http: httpx.Client) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if http.get("monitor/health").json()["scheduler"]["status"] == "healthy":
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError("Airflow is not healthy after 180 s")


def run(http: httpx.Client, dag_id: str) -> list[dict[str, Any]]:
    """Run a DAG to its end, and return its task instances as the API describes them."""
    made = http.post(f"dags/{dag_id}/dagRuns", json={"logical_date": None})
    assert made.is_success, made.text
    path = f"dags/{dag_id}/dagRuns/{made.json()['dag_run_id']}"
    while http.get(path).json()["state"] not in ("success", "failed"):
        time.sleep(1)
    return list(http.get(f"{path}/taskInstances").json()["task_instances"])


def count(postgres: Postgres) -> dict[str, int]:
    rows = {}
    with connected(postgres) as cursor:
        for table in PER_RUN:
            cursor.execute(f"select count(*) from {table} where dag_id = 'past'")
            rows[table] = cursor.fetchone()[0]
    return rows


def make_logs(folder: Path) -> None:
    long_ago = time.time() - 100 * 86_400
    for number in range(LOG_FILES):
        run = folder / "dag_id=past" / f"run_id=run-{number // 2}"
        run.mkdir(parents=True, exist_ok=True)
        log = run / f"attempt={number % 2 + 1}.log"
        log.write_text("a line\n")
        os.utime(log, (long_ago, long_ago))


def prepare(postgres: Postgres, dags: Path) -> None:
    """Write the files of a start of the stack, with the DAG maintenance and the probe as the only DAGs."""
    settings, credentials = postgres.settings, postgres.credentials
    for folder in (settings.logs, settings.run, settings.airflow_home, dags):
        folder.mkdir(parents=True, exist_ok=True)
    settings.airflow_passwords.write_text(json.dumps(dict(credentials.airflow_ui)))
    private_connections.write(settings, credentials)
    (dags / "probe.py").write_text(PROBE)
    shutil.copy(REPOSITORY / "dags" / "maintenance.py", dags)
    (dags.parent / "sql").symlink_to(REPOSITORY / "sql")
    make_logs(settings.logs / "airflow")


def measure(state: Path, runs: int, quiet_seconds: float) -> None:
    postgres = Postgres(state)
    settings: Settings = replace(postgres.settings, airflow_port=free_ports(1)[0])
    postgres.settings = settings
    prepare(postgres, state / "dags")
    postgres.start(fsync=True)
    try:
        preparation.prepare_atdb(settings, postgres.credentials)
        preparation.prepare_airflow(settings, postgres.credentials)
        now = datetime.now(UTC)
        with connected(postgres) as cursor:
            oldest = now - timedelta(days=AIRFLOW.days()) / YOUNG
            print("Filling Airflow's database", flush=True)
            fill(cursor, dag_id="past", runs=round(runs / (1 - YOUNG)), first=oldest, last=now)
            cursor.execute("analyze")
        before = count(postgres)
        with airflow(postgres, state / "dags") as http:
            run(http, "warm")  # the very first task waits for the imports of the API server
            watch = Watch(postgres, http)
            time.sleep(15)
            begin = datetime.now(UTC)
            time.sleep(quiet_seconds)
            phases = [watch.phase("before", begin, datetime.now(UTC))]
            print("Running maintenance", flush=True)
            tasks = run(http, "maintenance")
            begin, end = (
                pick(datetime.fromisoformat(task[moment]) for task in tasks)
                for pick, moment in ((min, "start_date"), (max, "end_date"))
            )
            phases.append(watch.phase("with maintenance", begin, end))
            begin = datetime.now(UTC)
            time.sleep(quiet_seconds)
            phases.append(watch.phase("after", begin, datetime.now(UTC)))
            watch.stop()
        after = count(postgres)
    finally:
        postgres.stop()
    for table, rows in before.items():
        print(f"{table:<24}{rows:>8} rows, {rows - after[table]:>8} deleted, {after[table]:>7} left")
    left = sum(1 for _ in (settings.logs / "airflow" / "dag_id=past").rglob("*.log"))
    print(f"{'log files':<24}{LOG_FILES:>8} files, {LOG_FILES - left:>7} deleted, {left:>7} left")
    for task in tasks:
        print(f"task {task['task_id']:<19}{task['state']:<9}{task['duration']:8.1f} s")
    print(HEAD, *phases, sep="\n")
    # A stalled API server creates no probes, so the wait of existing probes is due to the scheduler.
    without = max(phases[0].longest_wait, phases[2].longest_wait)
    print(f"longest wait with maintenance / without: {phases[1].longest_wait / without:.2f}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing keeps running
    with tempfile.TemporaryDirectory(prefix="atdb-benchmark-") as made_folder:
        Path(made_folder).chmod(0o755)  # PostgreSQL may run as another user
        old, seconds = (*sys.argv[1:], *("50000", "120")[len(sys.argv) - 1 :])
        measure(Path(made_folder), int(old), float(seconds))
