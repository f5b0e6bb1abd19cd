"""Secrets are generated once, are private, and never change on their own."""

import base64
import json
import stat

import pytest

from standalone.credentials import Credentials, CredentialsError
from standalone.settings import Settings


def test_only_the_owner_reads_the_secrets(settings: Settings, credentials: Credentials) -> None:
    assert stat.S_IMODE(settings.credentials.stat().st_mode) == 0o600
    assert [path.name for path in settings.state.iterdir()] == ["secrets.json"]


def test_a_second_start_finds_the_same_secrets(settings: Settings, credentials: Credentials) -> None:
    before = settings.credentials.read_bytes()
    assert Credentials.prepare(settings.credentials) == credentials == Credentials.read(settings.credentials)
    assert settings.credentials.read_bytes() == before


def test_what_is_missing_is_added_and_the_rest_stays(settings: Settings, credentials: Credentials) -> None:
    known = json.loads(settings.credentials.read_text())
    del known["atdb"]["telescope"], known["airflow_keys"]
    settings.credentials.write_text(json.dumps(known))
    completed = Credentials.prepare(settings.credentials)
    assert completed.atdb["operator"] == credentials.atdb["operator"]
    assert completed.atdb["telescope"] != credentials.atdb["telescope"]
    assert completed.airflow_keys.keys() == credentials.airflow_keys.keys()


def test_all_secrets_differ_and_are_long(credentials: Credentials) -> None:
    sections = (credentials.airflow_ui, credentials.atdb, credentials.postgresql, credentials.airflow_keys)
    values = [value for section in sections for value in section.values()]
    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 32
    assert len(credentials.airflow_keys["jwt_secret"]) >= 64
    assert len(base64.urlsafe_b64decode(credentials.airflow_keys["fernet_key"])) == 32


def test_secrets_do_not_show_in_a_log(credentials: Credentials) -> None:
    assert credentials.atdb["operator"] not in repr(credentials)


@pytest.mark.parametrize(
    "wrong", [["archive_default"], {"archive": "file:///alta"}, {"archive_default": ["hunter2"]}]
)
def test_a_connection_that_cannot_be_one_is_named_and_not_shown(
    settings: Settings, credentials: Credentials, wrong: object
) -> None:
    known = json.loads(settings.credentials.read_text())
    settings.credentials.write_text(json.dumps({**known, "site_connections": wrong}))
    for read in (Credentials.read, Credentials.prepare):
        with pytest.raises(ValueError, match="site_connections") as caught:
            read(settings.credentials)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"atdb": '])
def test_a_file_that_was_cut_is_named(settings: Settings, text: str) -> None:
    settings.credentials.write_text(text)
    for read in (Credentials.read, Credentials.prepare, Credentials.renew):
        with pytest.raises(CredentialsError, match=r"secrets\.json cannot be used"):
            read(settings.credentials)
    assert settings.credentials.read_text() == text


def test_renewed_secrets_keep_the_connections_of_the_site(settings: Settings, credentials: Credentials) -> None:
    known = json.loads(settings.credentials.read_text())
    site = {"archive_default": "file:///alta"}
    settings.credentials.write_text(json.dumps({**known, "site_connections": site}))
    assert Credentials.renew(settings.credentials).site_connections == site
    assert Credentials.read(settings.credentials).site_connections == site
