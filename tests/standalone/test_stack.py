"""A stack that cannot start reports why, and leaves nothing running."""

import socket

import pytest

from standalone.credentials import Credentials
from standalone.settings import HOST, Settings, SettingsError
from standalone.stack import database, processes
from standalone.stack.stack import Stack, StackError


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
