"""The API trusts a proxy's information about clients only if the proxy is configured."""

from pathlib import Path

import pytest
from flask import Flask

from atdb_api import create_app
from atdb_api.config import Config
from tests.conftest import SECRETS

SAID = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
FORM = {"name": "operator", "password": SECRETS["operator"]}


@pytest.mark.parametrize(("proxies", "is_believed"), [(0, False), (1, True)])
def test_a_session_over_tls_is_for_tls_only(database_url: str, proxies: int, is_believed: bool) -> None:
    app = create_app(Config(database_url=database_url, trusted_proxies=proxies))
    answer = app.test_client().post("/atdb/login/", data=FORM, headers=SAID)
    assert answer.status_code == 303
    assert ("Secure" in answer.headers["Set-Cookie"]) is is_believed
    app.extensions["atdb_engine"].dispose()


@pytest.mark.parametrize("given", ["yes", "-1", "10"])
def test_a_number_of_proxies_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ATDB_DATABASE_URL", "postgresql://")
    monkeypatch.setenv("ATDB_TRUSTED_PROXIES", given)
    with pytest.raises(SystemExit, match="ATDB_TRUSTED_PROXIES"):
        Config.from_environment()


def test_a_web_server_can_serve_the_static_files_of_each_page_itself(app: Flask, tmp_path: Path) -> None:
    done = app.test_cli_runner().invoke(args=["static-files", str(tmp_path)])
    assert done.exit_code == 0, done.output
    client = app.test_client()
    copied = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"static/atdb.svg", "bootstrap/static/css/bootstrap.min.css"} <= {
        str(path.relative_to(tmp_path)) for path in copied
    }
    for path in copied:
        assert client.get(f"/{path.relative_to(tmp_path)}").data == path.read_bytes()
