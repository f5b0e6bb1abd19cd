"""A stack that cannot start reports why, and leaves nothing running."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from standalone.credentials import Credentials
from standalone.settings import HOST, Settings, SettingsError
from standalone.stack import database, processes, stack
from standalone.stack.health import HealthProblem
from standalone.stack.stack import Stack, StackError

NOT_YET = [HealthProblem("api", "it starts")]


def test_a_port_that_is_taken_is_named_before_anything_starts(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind((HOST, settings.airflow_port))
        other.listen()
        with pytest.raises(StackError, match=rf"port {settings.airflow_port} is in use.*AIRFLOW_PORT"):
            Stack(settings).start()
    assert not processes.find(settings)
    assert not settings.cluster.exists()


def test_stopping_what_does_not_run_is_no_error(settings: Settings) -> None:
    assert Stack(settings).stop() is False


def test_a_lost_secrets_file_is_explained(settings: Settings) -> None:
    database.initialise(settings, Credentials.prepare(settings.credentials))
    settings.credentials.unlink()
    with pytest.raises(StackError, match=r"secrets\.json is not that of the database"):
        Stack(settings).start()
    assert not processes.find(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ATDB_RETRY_SECONDS", each) for each in ("soon", "-1", "nan", "inf", "86401")]
    + [("ATDB_KEEP_LOGS_DAYS", "3")],
)
def test_what_only_tasks_read_is_checked_before_anything_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable} must be"):
        Stack(settings).start()
    assert not settings.cluster.exists()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "STALL_SECONDS", 1.0)
    monkeypatch.setattr(stack, "STALL_CPU_SECONDS", 0.01)


@contextmanager
def starting(settings: Settings, command: str) -> Iterator[None]:
    """Run a process of the stack that is not healthy yet."""
    marker = processes.marker(settings, "api")
    with subprocess.Popen([sys.executable, "-c", command], env=marker) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.usefixtures("impatient")
def test_a_start_takes_any_time_while_what_starts_works(settings: Settings) -> None:
    began = time.monotonic()
    with starting(settings, "while True: sum(range(10_000))"):
        Stack(settings)._await_health(lambda: NOT_YET if time.monotonic() < began + 5 else [])
    assert time.monotonic() >= began + 5


@pytest.mark.usefixtures("impatient")
def test_a_start_is_given_up_if_what_starts_does_nothing(settings: Settings) -> None:
    with (
        starting(settings, "import time; time.sleep(600)"),
        pytest.raises(StackError, match=r"no progress for \d+ s:\napi: it starts"),
    ):
        Stack(settings)._await_health(lambda: NOT_YET)


def test_a_start_that_never_ends_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(stack, "STALL_CPU_SECONDS", 0.0)
    monkeypatch.setattr(stack, "LONGEST_START_SECONDS", 1.0)
    monkeypatch.setattr(stack, "_SAY_SECONDS", 0.4)
    messages: list[str] = []
    with pytest.raises(StackError, match="api: it starts"):
        Stack(settings, say=messages.append)._await_health(lambda: NOT_YET)
    assert messages
    assert all(line.startswith("Waiting for api since ") for line in messages)
