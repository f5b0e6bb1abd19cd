"""Airflow's API server with its database and the project's DAGs, without the processes that run them."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx

from standalone.stack.preparation import prepare_airflow
from standalone.stack.programs import airflow_environment, command_environment, program
from tests.conftest import Postgres, free_ports


@dataclass(frozen=True)
class Airflow:
    """A running API of Airflow, with the requests that users and Airflow's processes would send."""

    url: str
    password: str
    listen_password: str
    http: httpx.Client
    postgres: Postgres

    def run(self, dag_id: str, task_id: str | None = None, *, state: str = "queued") -> str:
        """Create a run, for an observation if given, and return its run id."""
        made = self.http.post(f"dags/{dag_id}/dagRuns", json={"logical_date": None, "partition_key": task_id})
        assert made.is_success, made.text
        run_id = str(made.json()["dag_run_id"])
        if state != "queued":
            self.mark(dag_id, run_id, state)
        return run_id

    def runs_of(self, task_id: str) -> dict[str, str]:
        """Return the state of each run with this partition key, by run id."""
        answer = self.http.get("dags/~/dagRuns", params={"partition_key_pattern": task_id})
        assert answer.is_success, answer.text
        return {run["dag_run_id"]: run["state"] for run in answer.json()["dag_runs"]}

    def note(self, dag_id: str, run_id: str) -> str:
        """Return the note on a run."""
        run = self.http.get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}").json()
        return str(run["note"] or "")

    def mark(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a run as a user does."""
        answer = self.http.patch(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}", json={"state": state})
        assert answer.is_success, answer.text

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Pause or resume a DAG."""
        assert self.http.patch(f"dags/{dag_id}", json={"is_paused": paused}).is_success


@contextmanager
def serve_airflow(postgres: Postgres) -> Iterator[Airflow]:
    """Run the API server with its own database beside ATDB's."""
    settings, credentials = replace(postgres.settings, airflow_port=free_ports(1)[0]), postgres.credentials
    for folder in (settings.logs, settings.run, settings.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    settings.airflow_passwords.write_text(json.dumps(dict(credentials.airflow_ui)))
    prepare_airflow(settings, credentials)
    environment = command_environment(settings, "tests", airflow_environment(settings, credentials))
    environment["PATH"] += os.pathsep + os.environ["PATH"]
    subprocess.run(["airflow", "dags", "reserialize"], env=environment, check=True, capture_output=True)
    with (settings.logs / "airflow-api-server.log").open("wb") as log:
        command = program("airflow-api-server", settings, credentials).command
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_well(settings.airflow_url, server)
        login = {"username": "admin", "password": credentials.airflow_ui["admin"]}
        token = httpx.post(f"{settings.airflow_url}/auth/token", json=login, timeout=30).json()["access_token"]
        with httpx.Client(
            base_url=f"{settings.airflow_url}/api/v2/", headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as http:
            secrets = credentials.airflow_ui
            yield Airflow(settings.airflow_url, secrets["reconcile"], secrets["listen"], http, postgres)
    finally:
        server.terminate()
        server.wait(30)


def _wait_until_well(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 400  # it takes 15 s on an idle machine
    while True:
        assert server.poll() is None
        assert time.monotonic() < deadline
        try:
            if httpx.get(f"{url}/api/v2/monitor/health", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
