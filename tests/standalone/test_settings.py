"""Settings come from the environment, and the error for a wrong one has its name."""

from dataclasses import fields
from pathlib import Path

import pytest

from standalone.settings import DEFAULT_STATE, Executor, Settings, SettingsError


def test_without_an_environment_the_state_lies_in_the_repository() -> None:
    settings = Settings.from_environment({})
    assert settings.state == DEFAULT_STATE
    assert settings.atdb_url == "http://127.0.0.1:8000"


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    settings = Settings(
        state=tmp_path.resolve(),
        secrets=tmp_path / "elsewhere.json",
        listen="0.0.0.0",  # noqa: S104 - as in a container
        atdb_host="atdb",
        airflow_host="airflow-api-server",
        telescope_host="telescope.example",
        postgres_host="10.0.0.1",
        redis_host="redis",
        atdb_public_url="https://atdb.example",
        airflow_public_url="https://atdb.example/airflow",
        atdb_port=18000,
        airflow_port=18080,
        telescope_port=18001,
        postgres_port=18433,
        trusted_proxies=1,
        redis_port=16379,
        executor=Executor.CELERY,
        telescope_speedup=12.5,
        report_hour=0,
    )
    assert all(
        getattr(settings, each.name) != each.default for each in fields(Settings) if each.name != "product_bytes"
    )
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
        ("ATDB_HOST", "http://atdb"),
        ("POSTGRES_HOST", "two names"),
        ("ATDB_PUBLIC_URL", "atdb.example"),
        ("AIRFLOW_PUBLIC_URL", "https://atdb.example/?a=b"),
        ("ATDB_EXECUTOR", "kubernetes"),
        ("ATDB_TRUSTED_PROXIES", "-1"),
        ("REDIS_PORT", "redis"),
    ],
)
def test_a_setting_of_no_use_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


def test_two_parts_cannot_have_one_port() -> None:
    with pytest.raises(SettingsError, match="AIRFLOW_PORT=8000"):
        Settings.from_environment({"AIRFLOW_PORT": "8000"})


def test_airflow_is_asked_at_the_path_that_it_has_in_browsers() -> None:
    settings = Settings(airflow_host="airflow-api-server", airflow_public_url="https://atdb.example/airflow")
    assert settings.airflow_url == "http://airflow-api-server:8080/airflow"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://h:9443/", "https://h:9443"),
        ("https://h//airflow/", "https://h/airflow"),
        ("https://h:9443//airflow", "https://h:9443/airflow"),
    ],
)
def test_slashes_too_many_are_taken_from_a_url(given: str, read: str) -> None:
    assert Settings.from_environment({"AIRFLOW_PUBLIC_URL": given}).airflow_public_url == read


@pytest.mark.parametrize(
    "given", ["https://h:abc", "https://h:99999", "https://h:0", "https://u:p@h/x y", "https://[::1"]
)
def test_what_is_no_url_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="ATDB_PUBLIC_URL must be a URL"):
        Settings.from_environment({"ATDB_PUBLIC_URL": given})


def test_parts_on_different_hosts_can_have_one_port() -> None:
    assert (
        Settings.from_environment({"TELESCOPE_HOST": "tcs.example", "TELESCOPE_PORT": "8000"}).telescope_port
        == 8000
    )
