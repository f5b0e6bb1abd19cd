"""The databases are prepared for their processes, and the commands of the virtual environment find the stack."""

import stat
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack import database, pools, preparation
from tests.conftest import Postgres


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


def query(postgres: Postgres, statement: str, role: str = "airflow") -> list[tuple[Any, ...]]:
    with (
        closing(database.connect(postgres.settings, postgres.credentials, role)) as opened,
        opened.cursor() as cursor,
    ):
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        opened.commit()
        return rows


def test_airflow_has_its_pools_and_an_operators_change_of_one_stays(postgres: Postgres) -> None:
    def prepare() -> dict[object, object]:
        preparation.prepare_airflow(postgres.settings, postgres.credentials)
        return dict(query(postgres, "SELECT pool, slots FROM slot_pool"))

    made = {**pools.SLOTS, "default_pool": pools.DEFAULT_SLOTS}
    for folder in (postgres.settings.run, postgres.settings.logs):
        folder.mkdir(exist_ok=True)
    assert prepare() == made
    query(postgres, "UPDATE slot_pool SET slots = 9 WHERE pool IN ('ingest', 'default_pool')")
    query(postgres, "DELETE FROM slot_pool WHERE pool = 'remove'")
    assert prepare() == {**made, "ingest": 9, "default_pool": 9}
    query(postgres, "UPDATE slot_pool SET slots = 128 WHERE pool = 'default_pool'")  # as in an older version
    assert prepare() == {**made, "ingest": 9}
    query(postgres, "DROP DATABASE airflow", role="postgres")
    assert prepare() == made
