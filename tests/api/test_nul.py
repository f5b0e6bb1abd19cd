"""A NUL character in a path or parameter never reaches PostgreSQL, which cannot store it."""

import re

import httpx
import pytest
from flask import Flask

from tests.conftest import SECRETS

PARAMETERS = ("consumer", "run", "after", "a\0")
OPEN_TO_ALL = ("/atdb/login/", "/atdb/health/", "/static/", "/bootstrap/", "/atdb/docs", "/atdb/openapi.json")


@pytest.fixture
def http(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, auth=("admin", SECRETS["admin"]))


def paths(app: Flask, method: str) -> list[str]:
    rules = [rule.rule for rule in app.url_map.iter_rules() if method in (rule.methods or set())]
    return [rule for rule in rules if not rule.startswith(OPEN_TO_ALL)]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_nothing_has_a_name_with_a_nul(app: Flask, http: httpx.Client, accept: str) -> None:
    named = [path for path in paths(app, "GET") if "<" in path]
    assert "/tasks/<task_id>/" in named
    for path in named:
        answer = http.get(re.sub("<[^>]*>", "261126003%00", path), headers={"Accept": accept})
        assert answer.status_code == 404, (path, answer.text)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_parameter_with_a_nul_is_refused_and_named(app: Flask, http: httpx.Client, accept: str) -> None:
    for path in paths(app, "GET"):
        if "<" in path or path == "/":  # which redirects, and reads nothing
            continue
        for name in PARAMETERS:
            answer = http.get(path, params={name: "\0"}, headers={"Accept": accept})
            assert answer.status_code == 400, (path, name, answer.text)
            assert "NUL" in answer.text or "unknown parameter" in answer.text


def test_a_form_with_a_nul_is_refused(app: Flask, http: httpx.Client) -> None:
    for path in paths(app, "POST"):
        if not path.startswith("/atdb/") and "<" not in path:
            for name in ("action", "back", "reason", "seen", "token", "a\0"):
                answer = http.post(path, data={name: "\0"})
                assert answer.status_code == 400, (path, name, answer.text)
                assert "holds a NUL character" in answer.text, (path, name)


def test_a_name_with_a_nul_is_no_account(url: str) -> None:
    assert httpx.get(f"{url}/atdb/", auth=("admin\0", SECRETS["admin"])).status_code == 401
    assert httpx.get(f"{url}/atdb/", auth=("admin", "\0")).status_code == 401
    assert httpx.get(f"{url}/atdb/", headers={"Cookie": r'atdb_session="\000"'}).status_code == 401
