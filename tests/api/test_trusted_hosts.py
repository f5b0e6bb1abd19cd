"""ATDB answers only requests to its own hosts, so that no other site can pretend to be ATDB in a browser."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from werkzeug.test import TestResponse

from atdb_api import create_app
from atdb_api.config import Config
from tests.api.browser import ACCEPT
from tests.conftest import SECRETS
from tests.serving import Served

LOGIN = {"name": "operator", "password": SECRETS["operator"]}


@pytest.fixture
def get(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Send a request to a host, of a stack with a public URL and further hosts."""
    monkeypatch.setenv("ATDB_DATABASE_URL", database_url)
    monkeypatch.setenv("ATDB_HOST", "atdb")
    monkeypatch.setenv("ATDB_PUBLIC_URL", "https://atdb.example:8443")
    monkeypatch.setenv("ATDB_TRUSTED_HOSTS", "10.1.2.3, .Observatory.example")
    app = create_app()

    def send(host: str, path: str = "/atdb/health/") -> TestResponse:
        return app.test_client().get(path, headers={"Host": host, "Accept": ACCEPT})

    yield send
    app.extensions["atdb_engine"].dispose()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost:18000",
        "atdb:8000",
        "atdb.example",
        "atdb.example:8443",
        "10.1.2.3:443",
        "observatory.example",
        "tasks.observatory.example",
    ],
)
def test_the_hosts_of_the_stack_and_of_the_setting_are_accepted(get: Any, host: str) -> None:
    assert get(host).status_code == 200
    assert get(host, "/atdb/login/").status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "atdb.example.evil.example", "evilobservatory.example", "evil@atdb.example", "a b", ""],
)
def test_another_host_is_refused_with_what_to_do(get: Any, host: str) -> None:
    for path in ("/atdb/health/", "/atdb/login/", "/atdb/", "/tasks/", "/static/atdb.css", "/none"):
        answer = get(host, path)
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), path
        assert "ATDB_TRUSTED_HOSTS" in answer.json["detail"]


def test_by_default_only_this_machine_is_trusted(served: Served) -> None:
    given = {"Host": "evil.example", "Origin": "http://evil.example"}
    refused = httpx.post(f"{served.url}/atdb/login/", data=LOGIN, headers=given)
    assert (refused.status_code, refused.headers.get("Set-Cookie")) == (400, None)
    for host in ("localhost", "127.0.0.1:1"):
        given = {"Host": host, "Origin": f"http://{host}"}
        answer = httpx.post(f"{served.url}/atdb/login/", data=LOGIN, headers=given)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/tasks/")


@pytest.mark.parametrize("given", ["https://atdb.example", "atdb.example:443", "a b", "*", "-"])
def test_a_host_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ATDB_DATABASE_URL", "postgresql://")
    monkeypatch.setenv("ATDB_TRUSTED_HOSTS", f"atdb.example,{given}")
    with pytest.raises(SystemExit, match="ATDB_TRUSTED_HOSTS"):
        Config.from_environment()
