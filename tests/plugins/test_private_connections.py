"""Only the tasks of one DAG get the connections that belong to this DAG."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

from atdb_plugins.private_connections import PrivateConnections
from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack import private_connections, programs

IDS = ("airflow_maintenance", "atdb_maintenance")
#: The code with which a task gets a connection.
ASK = "import sys; from airflow.sdk import BaseHook; print(BaseHook.get_connection(sys.argv[1]).password)"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings(), state=tmp_path)


@pytest.fixture
def credentials(settings: Settings) -> Credentials:
    made = Credentials.prepare(settings.credentials)
    private_connections.write(settings, made)
    private_connections.write(settings, made)  # as at each start
    return made


def ask(
    settings: Settings, credentials: Credentials, program: str, conn_id: str, dag_id: str | None
) -> subprocess.CompletedProcess[str]:
    """Get a connection as a task that this program of the stack has started."""
    environment = programs.program(program, settings, credentials).environment
    task = {"AIRFLOW_CTX_DAG_ID": dag_id} if dag_id else {}
    settings.airflow_home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", ASK, conn_id],
        env={"PATH": os.environ["PATH"], **environment, **task},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("conn_id", IDS)
def test_a_task_of_the_dag_gets_it(settings: Settings, credentials: Credentials, conn_id: str) -> None:
    role = conn_id.removeprefix("atdb_")
    given = ask(settings, credentials, "scheduler", conn_id, "maintenance")
    assert given.stdout.strip() == credentials.postgresql[role], given.stderr


def test_only_the_dag_operate_logs_in_as_an_operator(settings: Settings, credentials: Credentials) -> None:
    given = ask(settings, credentials, "scheduler", "atdb_operate", "operate")
    assert given.stdout.strip() == credentials.atdb["operate"], given.stderr
    refused = ask(settings, credentials, "scheduler", "atdb_operate", "ingest")
    assert refused.returncode != 0
    assert credentials.atdb["operate"] not in refused.stderr + refused.stdout


@pytest.mark.parametrize("form", ["URL", "JSON"])
def test_a_site_with_its_own_atdb_sets_the_connection_of_the_dag_operate(
    settings: Settings, credentials: Credentials, form: str
) -> None:
    known = json.loads(settings.credentials.read_text(encoding="utf-8"))
    of_site: object = "atdb://ada:hunter2@atdb.example:443/https"
    if form == "JSON":
        of_site = {"conn_type": "atdb", "host": "https://atdb.example", "login": "ada", "password": "hunter2"}
    known["site_connections"] = {"atdb_operate": of_site}
    settings.credentials.write_text(json.dumps(known), encoding="utf-8")
    of_site_too = Credentials.read(settings.credentials)
    private_connections.write(settings, of_site_too)
    given = ask(settings, of_site_too, "scheduler", "atdb_operate", "operate")
    assert given.stdout.strip() == "hunter2", given.stderr
    assert ask(settings, of_site_too, "scheduler", "atdb_operate", "ingest").returncode != 0
    for name in programs.names():
        assert "hunter2" not in json.dumps(programs.program(name, settings, of_site_too).environment), name


@pytest.mark.parametrize("dag_id", ["reconcile", "ingest", "maintenance2", None])
def test_no_other_task_gets_it(settings: Settings, credentials: Credentials, dag_id: str | None) -> None:
    refused = ask(settings, credentials, "scheduler", "airflow_maintenance", dag_id)
    assert refused.returncode != 0
    assert "available to tasks of the DAG maintenance only" in refused.stderr
    assert credentials.postgresql["airflow_maintenance"] not in refused.stderr + refused.stdout


def test_all_tasks_get_the_connections_that_are_not_private(settings: Settings, credentials: Credentials) -> None:
    given = ask(settings, credentials, "scheduler", "atdb_default", "ingest")
    assert given.stdout.strip() == credentials.atdb["airflow"], given.stderr


def test_no_process_has_it_in_its_environment(settings: Settings, credentials: Credentials) -> None:
    secrets = {credentials.postgresql[role] for role in ("airflow_maintenance", "maintenance")}
    secrets.add(credentials.atdb["operate"])
    for name in programs.names():
        environment = json.dumps(programs.program(name, settings, credentials).environment)
        assert not [secret for secret in secrets if secret in environment], name


def test_only_the_owner_reads_the_files(settings: Settings, credentials: Credentials) -> None:
    paths = [settings.private_connections, *settings.private_connections.rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}
    assert sum(path.is_file() for path in paths) == len(IDS) + 1


@pytest.mark.parametrize("conn_id", ["../maintenance/airflow_maintenance", "*", "airflow_maintenance\0", ""])
def test_a_name_that_is_no_name_finds_nothing(
    settings: Settings, credentials: Credentials, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "maintenance")
    assert PrivateConnections(str(settings.private_connections)).get_conn_value(conn_id) is None


def test_without_a_folder_there_are_none(settings: Settings, credentials: Credentials) -> None:
    assert PrivateConnections().get_conn_value("airflow_maintenance") is None
    with pytest.raises(AirflowSecretsBackendAccessDenied):
        PrivateConnections(str(settings.private_connections)).get_conn_value("airflow_maintenance")
