"""The command `atdb doctor`: its report, its exit status, the settings, and checks that hang or crash."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from standalone.credentials import Credentials
from standalone.doctor import configuration, postgres, report
from standalone.doctor.location import Location
from standalone.doctor.parallel import Check, run
from standalone.doctor.results import (
    FAILED,
    WARNED,
    WELL,
    CheckResult,
    CheckState,
    exit_status,
    failed,
    warning,
    well,
)
from standalone.settings import REPOSITORY, Executor, Settings
from standalone.stack import database
from tests.conftest import Postgres


def states(results: Iterator[CheckResult] | list[CheckResult]) -> list[tuple[str, CheckState]]:
    return [(result.subject, result.state) for result in results]


def doctor(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "atdb", "doctor", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(settings.state)} | settings.as_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_a_check_that_hangs_or_crashes_is_a_failure_and_stops_no_other(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def hang() -> list[CheckResult]:
        pid_file.write_text(str(os.getpid()))
        time.sleep(600)
        return []

    def crash() -> list[CheckResult]:
        raise ValueError("no such thing")

    def die() -> list[CheckResult]:
        os.kill(os.getpid(), 9)
        return []

    checks = [
        Check("disk", hang, "Check the mount."),
        Check("crashing", crash, "Read the log."),
        Check("dying", die, "Read the log."),
        Check("clocks", lambda: [well("clocks", "they agree")], ""),
    ]
    begun = time.monotonic()
    results = run(checks, timeout_seconds=3)
    assert time.monotonic() - begun < 10
    assert results == [
        failed("disk", "no answer within 3 s", "Check the mount."),
        failed("crashing", "ValueError: no such thing", "Read the log."),
        failed("dying", "the check ended without a result", "Read the log."),
        well("clocks", "they agree"),
    ]
    hanging = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(hanging) and psutil.Process(hanging).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the hanging check was not killed"
        time.sleep(0.05)


def test_the_exit_status_says_the_worst() -> None:
    good, bad, so_so = well("a", "b"), failed("a", "b", "c"), warning("a", "b", "c")
    assert exit_status([good]) == WELL == 0
    assert exit_status([good, so_so]) == WARNED == 3
    assert exit_status([so_so, bad, good]) == FAILED == 1


def test_the_table_is_aligned_and_keeps_commands_whole() -> None:
    results = [
        well("clocks", "they agree"),
        failed("archive", "it is full " * 9, "Run `docker-compose-logs --x`."),
    ]
    lines = report.table(results, 60).splitlines()
    column = lines[0].index("they agree")
    assert lines[1][column:].startswith("it is full")
    assert lines[2] == " " * column + lines[2].strip()
    assert any(line.strip().startswith("-> Run `docker-compose-logs --x`") for line in lines)
    assert lines[-1] == "1 failed, 0 warnings, 0 not checked, 1 well."


def test_each_wrong_setting_is_named() -> None:
    wrong = {"ATDB_PORT": "http", "ATDB_EXECUTOR": "dask", "ATDB_REPORT_HOUR": "24", "ATDB_PUBLIC_URL": "atdb"}
    sentences = configuration.wrong_values({**wrong, "AIRFLOW_PORT": "8080"})
    assert [sentence.split()[0] for sentence in sentences] == [
        *("ATDB_PUBLIC_URL", "ATDB_PORT", "ATDB_EXECUTOR", "ATDB_REPORT_HOUR"),
    ]
    assert configuration.wrong_values({"AIRFLOW_PORT": "8000"})[0].startswith("each service needs a port")
    assert configuration.wrong_values({}) == []


def test_each_wrong_setting_of_tasks_is_named_and_no_password_is_shown(
    settings: Settings, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standalone.doctor import tasks

    here = Location(settings, credentials)
    assert states(tasks.check(here)) == [("task settings", CheckState.WELL)]
    monkeypatch.setenv("ATDB_KEEP_AIRFLOW_DAYS", "3")
    monkeypatch.setenv("ATDB_RETRY_SECONDS", "soon")
    monkeypatch.setenv("AIRFLOW_CONN_ARCHIVE_DEFAULT", '{"password": "hunter2"')
    results = list(tasks.check(here))
    assert [each.seen.split()[0].rstrip(",") for each in results] == [
        *("ATDB_KEEP_AIRFLOW_DAYS", "ATDB_RETRY_SECONDS", "AIRFLOW_CONN_ARCHIVE_DEFAULT"),
    ]
    assert "hunter2" not in str(results)


def test_a_crash_shows_no_password_of_a_url() -> None:
    def crash() -> list[CheckResult]:
        raise ValueError("cannot open redis://:hunter2@redis:6379/0")

    (result,) = run([Check("workers", crash, "")])
    assert result.seen == "ValueError: cannot open redis://***@redis:6379/0"


def test_a_file_that_a_setting_names_must_be_there(tmp_path: Path) -> None:
    (result,) = configuration.of_settings({"SSL_CERT_FILE": str(tmp_path / "none.pem")})
    assert result.state is CheckState.FAILED
    assert "none.pem" in result.seen
    (tmp_path / "own.pem").touch()
    assert states(configuration.of_settings({"SSL_CERT_FILE": str(tmp_path / "own.pem")})) == [
        ("settings", CheckState.WELL)
    ]


def test_secrets_that_others_can_read_are_a_warning(settings: Settings, credentials: Credentials) -> None:
    place, results = configuration.of_secrets(settings)
    assert place is not None
    assert states(results) == [("secrets", CheckState.WELL)]
    settings.credentials.chmod(0o644)
    settings.state.chmod(0o755)
    _, (result,) = configuration.of_secrets(settings)
    assert result.state is CheckState.WARNING
    assert "0644" in result.seen
    settings.state.chmod(0o700)
    assert states(configuration.of_secrets(settings)[1]) == [("secrets", CheckState.WELL)]


def test_secrets_that_are_missing_or_broken_are_named_and_shown_nowhere(
    settings: Settings, credentials: Credentials
) -> None:
    known = json.loads(settings.credentials.read_text())
    password = known["atdb"].pop("airflow")
    settings.credentials.write_text(json.dumps(known))
    place, (result,) = configuration.of_secrets(settings)
    assert place is None
    assert "'airflow'" in result.seen
    settings.credentials.write_text(f'{{"atdb": {{"airflow": "{password}"')
    place, (result,) = configuration.of_secrets(settings)
    assert place is None
    assert result.state is CheckState.FAILED
    assert password not in str(result)
    settings.credentials.unlink()
    assert "make up" in configuration.of_secrets(settings)[1][0].advice


def test_the_workers_secrets_suffice_and_those_of_another_service_name_the_worker(
    settings: Settings, credentials: Credentials
) -> None:
    from standalone.containers import secrets

    folder = settings.state / "deploy"
    secrets.write(folder, "atdb.example")
    there = replace(settings, executor=Executor.CELERY, secrets=folder / "worker.json")
    assert configuration.of_secrets(there)[0] is not None
    place, (result,) = configuration.of_secrets(replace(there, secrets=folder / "airflow-scheduler.json"))
    assert place is None
    assert result.state is CheckState.FAILED


@pytest.fixture
def place(postgres: Postgres, database_url: str) -> Location:
    return Location(postgres.settings, postgres.credentials)


def test_the_database_accepts_each_login(place: Location) -> None:
    # Other tests may or may not have created Airflow's database and logins.
    of_atdb = {name: place.credentials.postgresql[name] for name in ("atdb", "reports", "maintenance")}
    results = list(postgres.check(replace(place, credentials=replace(place.credentials, postgresql=of_atdb))))
    assert states(results) == [("database", CheckState.WELL), ("database", CheckState.NOT_CHECKED)]
    assert "atdb, reports, maintenance" in results[0].seen or "atdb, maintenance" in results[0].seen
    assert "docker compose ps -a" in results[1].advice


def test_a_database_with_another_password_or_none_says_what_to_do(place: Location) -> None:
    wrong = {**place.credentials.postgresql, "reports": "another"}
    logins = {name: wrong[name] for name in ("atdb", "reports")}
    results = list(postgres.check(replace(place, credentials=replace(place.credentials, postgresql=logins))))
    refused = next(each for each in results if each.state is CheckState.FAILED)
    assert "refuses reports" in refused.seen
    assert "`make down` and `make up`" in refused.advice
    assert any("accepts atdb" in each.seen for each in results)
    elsewhere = replace(place, settings=replace(place.settings, postgres_port=9))
    (result,) = postgres.check(elsewhere)
    assert "does not respond" in result.seen
    in_container = replace(elsewhere.settings, secrets=Path("/run/secrets/secrets.json"))
    (result,) = postgres.check(replace(elsewhere, settings=in_container))
    assert "docker compose logs --tail 50 postgres" in result.advice


def test_an_airflow_database_of_another_version_is_a_failure(place: Location) -> None:
    from standalone.stack.preparation import migrated

    with closing(database.connect(place.settings, place.credentials)) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = 'airflow'")
        is_there = cursor.fetchone() is not None
    if not is_there:
        database.prepare_owner(place.settings, place.credentials, "airflow")
    before = database.note(place.settings, place.credentials, "airflow")
    logins = {name: place.credentials.postgresql[name] for name in ("postgres", "airflow")}
    here = replace(place, credentials=replace(place.credentials, postgresql=logins))
    try:
        database.set_note(place.settings, place.credentials, "airflow", "migrated by Airflow 2.0.0")
        assert ("migrations", CheckState.FAILED) in states(postgres.check(here))
        database.set_note(place.settings, place.credentials, "airflow", migrated())
        assert ("migrations", CheckState.WELL) in states(postgres.check(here))
    finally:
        database.set_note(place.settings, place.credentials, "airflow", before)


def test_without_a_stack_it_says_how_to_start_one(settings: Settings) -> None:
    shown = doctor(settings)
    assert shown.returncode == FAILED, shown.stderr
    assert "Start the stack with `make up`" in " ".join(shown.stdout.split())
    assert "not checked" in shown.stdout


def test_a_stack_that_does_not_run_is_a_report_and_no_traceback(
    settings: Settings, credentials: Credentials
) -> None:
    shown = doctor(settings, "--json")
    assert shown.returncode == FAILED
    assert "Traceback" not in shown.stderr + shown.stdout
    by_subject = {each["subject"]: each for each in json.loads(shown.stdout)}
    for subject in ("database", "ATDB", "Airflow", "telescope", "archive", "data"):
        assert by_subject[subject]["state"] == "failed", by_subject[subject]
        assert by_subject[subject]["advice"]
    for secrets in (credentials.atdb, credentials.postgresql, credentials.airflow_ui, credentials.airflow_keys):
        assert not any(secret in shown.stdout + shown.stderr for secret in secrets.values())


def test_the_options_of_other_commands_are_refused() -> None:
    atdb = Path(sys.executable).parent / "atdb"
    shown = subprocess.run([atdb, "--host", "prod", "doctor"], capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "see `atdb doctor --help`" in shown.stderr


def test_only_the_certificate_needs_no_secrets(settings: Settings) -> None:
    shown = doctor(settings, "--only", "certificate", "--json")
    assert shown.returncode == WELL, shown.stderr
    assert [each["subject"] for each in json.loads(shown.stdout)] == ["settings", "certificate"]


def test_a_wrong_setting_ends_in_a_report(settings: Settings) -> None:
    shown = doctor(settings, "--json", ATDB_EXECUTOR="dask")
    assert shown.returncode == FAILED, shown.stderr
    assert [each["state"] for each in json.loads(shown.stdout)] == ["failed", "not checked"]


def test_the_command_atdb_lists_it_and_no_airflow_is_imported_for_that() -> None:
    code = "import sys; from atdb_interface.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}print({{'airflow', 'standalone'}} & sys.modules.keys())"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert "doctor" in shown.stdout
    assert shown.stdout.endswith("set()\n")
