"""The connection of type `atdb`."""

import json

import pytest

from atdb_plugins.hooks.atdb import AtdbHook
from tests.conftest import SECRETS


@pytest.mark.parametrize(
    ("secret", "is_well", "words"),
    [
        (SECRETS["pipeline"], True, "Logged in to ATDB as pipeline, role pipeline"),
        ("wrong", False, "wrong password"),
    ],
)
def test_a_test_of_the_connection_logs_in(
    url: str, monkeypatch: pytest.MonkeyPatch, secret: str, is_well: bool, words: str
) -> None:
    login = {"conn_type": "atdb", "host": url, "login": "pipeline", "password": secret}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))
    succeeded, message = AtdbHook().test_connection()
    assert succeeded is is_well
    assert words in message
