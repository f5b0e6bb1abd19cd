"""Settings come from the environment, and a wrong one is named."""

from pathlib import Path

import pytest

from standalone.settings import DEFAULT_STATE, Settings, SettingsError


def test_without_an_environment_the_state_lies_in_the_repository() -> None:
    settings = Settings.from_environment({})
    assert settings.state == DEFAULT_STATE
    assert settings.atdb_url == "http://127.0.0.1:8000"


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    settings = Settings(tmp_path.resolve(), 18000, 18080, 18001, 18433, telescope_speedup=12.5, report_hour=0)
    assert Settings.from_environment(settings.as_environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATDB_PORT", "eighty"),
        ("AIRFLOW_PORT", "0"),
        ("POSTGRES_PORT", "65536"),
        ("TELESCOPE_PORT", "-1"),
        ("ATDB_TELESCOPE_SPEEDUP", "0"),
        ("ATDB_TELESCOPE_SPEEDUP", "nan"),
        ("ATDB_TELESCOPE_SPEEDUP", "fast"),
        ("ATDB_REPORT_HOUR", "24"),
    ],
)
def test_a_setting_of_no_use_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_two_parts_cannot_have_one_port() -> None:
    with pytest.raises(SettingsError, match="AIRFLOW_PORT=8000"):
        Settings.from_environment({"AIRFLOW_PORT": "8000"})
