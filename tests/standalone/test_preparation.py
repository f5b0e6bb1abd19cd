"""The commands of the virtual environment find the stack that it runs."""

import stat
import tomllib
from pathlib import Path

import pytest

from standalone import preparation
from standalone.credentials import Credentials
from standalone.settings import Settings


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    return tmp_path / "venv" / "etc" / "atdb" / "config.toml"


def test_the_default_stack_is_where_the_commands_look(
    settings: Settings, credentials: Credentials, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "DEFAULT_STATE", settings.state)
    preparation.write_client_configuration(settings, credentials)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert tomllib.loads(written.read_text()) == {
        "default_host": "prod",
        "hosts": {
            "prod": {
                "url": settings.atdb_url,
                "user": "astronomer",
                "secret": credentials.atdb["astronomer"],
            }
        },
    }


def test_a_trial_beside_it_changes_nothing(settings: Settings, credentials: Credentials, written: Path) -> None:
    preparation.write_client_configuration(settings, credentials)
    assert not written.exists()
