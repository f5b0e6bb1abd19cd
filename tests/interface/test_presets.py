"""Where the commands look for ATDB."""

import sys
from pathlib import Path

import pytest

from atdb_interface.client.presets import ConfigError, Host, config_files, find_host

TWO_HOSTS = """
default_host = "test"
[hosts.prod]
url = "https://atdb.example.org"
user = "astronomer"
secret = "s3cret"
[hosts.test]
url = "http://127.0.0.1:8000"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TWO_HOSTS)
    monkeypatch.setenv("ATDB_CONFIG", str(path))
    return path


def test_a_preset_is_found_by_its_name_and_the_default_without_one(config: Path) -> None:
    assert find_host("prod") == Host("https://atdb.example.org", "astronomer", "s3cret")
    assert find_host() == Host("http://127.0.0.1:8000")


def test_an_address_is_a_host_with_the_account_of_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_USER", "me")
    monkeypatch.setenv("ATDB_SECRET", "mine")
    assert find_host("http://10.0.0.1:8000") == Host("http://10.0.0.1:8000", "me", "mine")


def test_a_persons_configuration_comes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATDB_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    own, made = tmp_path / "atdb" / "config.toml", tmp_path / "venv" / "etc" / "atdb" / "config.toml"
    assert config_files() == [own, made]
    for path, url in ((made, "http://made"), (own, "http://own")):
        path.parent.mkdir(parents=True)
        path.write_text(f'[hosts.prod]\nurl = "{url}"\n')
        assert find_host().url == url


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "no host 'prod' is configured"),
        ("hosts = 1\n", "no host 'prod' is configured"),
        ("hosts = []\n", "no host 'prod' is configured"),
        ('default_host = "x"\n[hosts.prod]\nurl = "http://a"\n', "no host 'x' is configured"),
        ("[hosts]\nprod = 1\n", "prod"),
        ("[hosts.prod]\n", "prod"),
        ("[hosts.prod]\nurl = 1\n", "prod"),
        ('[hosts.prod]\nurl = "http://a"\nuser = 1\n', "prod"),
        ("[hosts.prod\n", "config.toml"),
    ],
)
def test_a_configuration_without_a_usable_host_is_an_error_that_names_the_file(
    config: Path, content: str, sentence: str
) -> None:
    config.write_text(content)
    with pytest.raises(ConfigError, match=sentence) as refusal:
        find_host()
    assert str(config) in str(refusal.value)


def test_a_secret_is_not_shown(config: Path) -> None:
    assert "s3cret" not in repr(find_host("prod"))
