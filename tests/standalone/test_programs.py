"""Each process gets only the secrets that it needs, in its environment."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from atdb_interface.times import CLAIM_SECONDS
from operators.maintenance import retention
from standalone.credentials import Credentials
from standalone.settings import Executor, Settings
from standalone.stack import programs, supervisor

# The secrets that each process gets, as section.name.
_AIRFLOW = {
    "postgresql.airflow",
    "airflow_keys.fernet_key",
    "airflow_keys.jwt_secret",
    "airflow_keys.secret_key",
}
_TASKS = _AIRFLOW | {"airflow_ui.reconcile", "atdb.airflow", "postgresql.reports"}
_MAY_KNOW = {
    "postgres": set(),
    "api": {"postgresql.atdb"},
    "telescope": {"atdb.telescope"},
    "airflow-api-server": _AIRFLOW,
    "dag-processor": _AIRFLOW,
    "scheduler": _TASKS,
    "triggerer": _AIRFLOW | {"airflow_ui.listen", "atdb.airflow"},
}


def _named(credentials: Credentials) -> dict[str, str]:
    return {
        f"{section}.{name}": value
        for section, values in asdict(credentials).items()
        for name, value in values.items()
    }


def test_every_process_has_its_row_here() -> None:
    assert set(programs.names()) == set(_MAY_KNOW)


@pytest.mark.parametrize("name", sorted(_MAY_KNOW))
def test_a_process_knows_only_its_secrets(settings: Settings, credentials: Credentials, name: str) -> None:
    wanted = programs.program(name, settings, credentials)
    known = json.dumps(programs.command_environment(settings, name, wanted.environment))
    assert {secret for secret, value in _named(credentials).items() if value in known} == _MAY_KNOW[name]


@pytest.mark.parametrize("name", sorted(_MAY_KNOW))
def test_a_command_line_holds_no_secret(settings: Settings, credentials: Credentials, name: str) -> None:
    wanted = programs.program(name, settings, credentials)
    assert not [secret for secret, value in _named(credentials).items() if value in f"{wanted.command} {wanted!r}"]


def test_settings_of_another_airflow_do_not_reach_the_stack(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = programs.inherited_by_supervisor(settings)
    assert "AIRFLOW__CORE__EXECUTOR" not in environment
    assert "PYTHONPATH" not in environment


def test_with_celery_a_lost_task_is_queued_again_before_its_claim_expires(
    settings: Settings, credentials: Credentials
) -> None:
    local = programs.airflow_environment(settings, credentials)
    assert "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT" not in local  # the token of a queued task lasts as long
    celery = replace(settings, executor=Executor.CELERY)
    environment = programs.airflow_environment(celery, credentials)
    seconds, interval, retries = (
        int(environment[f"AIRFLOW__SCHEDULER__{name}"])
        for name in (
            "TASK_QUEUED_TIMEOUT",
            "TASK_QUEUED_TIMEOUT_CHECK_INTERVAL",
            "NUM_STUCK_IN_QUEUED_RETRIES",
        )
    )
    assert (seconds + interval) * (1 + retries) < CLAIM_SECONDS


def test_a_site_may_bring_its_own_archive(
    settings: Settings, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = json.dumps({"conn_type": "generic", "extra": {"url": "s3://archive"}})
    monkeypatch.setenv("AIRFLOW_CONN_ARCHIVE_DEFAULT", site)
    wanted = programs.program("scheduler", settings, credentials)
    assert wanted.environment["AIRFLOW_CONN_ARCHIVE_DEFAULT"] == site


@pytest.mark.parametrize("folder", ["plain", "with a space", "100% odd; #1", "l" * 200])
def test_supervisord_understands_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    settings = Settings(state=tmp_path / folder)
    for needed in (settings.run, settings.logs):
        needed.mkdir(parents=True)
    credentials = Credentials.prepare(settings.credentials)
    written = supervisor.write_configuration(settings)
    assert not [value for value in _named(credentials).values() if value in written.read_text()]
    monkeypatch.chdir(settings.state)
    monkeypatch.setenv("ATDB_STATE", str(settings.state))
    options = ServerOptions()
    options.realize(["--nodaemon", "--configuration", str(written)])
    read = {process.name: process for group in options.process_group_configs for process in group.process_configs}
    assert set(read) == set(programs.names())
    assert read["api"].environment["ATDB_PROCESS"] == f"{settings.state}:api"
    assert Path(read["api"].stdout_logfile).resolve() == settings.logs / "api.log"
    assert not options.server_configs  # no socket


def test_every_retention_that_is_set_reaches_the_tasks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in retention.ALL:
        monkeypatch.setenv(each.variable, "99")
    environment = programs.command_environment(settings, "scheduler", {})
    assert {environment[each.variable] for each in retention.ALL} == {"99"}
