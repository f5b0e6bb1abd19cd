"""Permissions, the format of errors, and that history cannot be rewritten."""

import socket
import time
from base64 import b64encode
from urllib.parse import urlsplit

import httpx
import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.roles import Role
from tests.conftest import SECRETS, Postgres


@pytest.mark.parametrize(
    "authorization",
    ["Basic !!!", "Bearer", "Bearer a=b", "Bearer atdb_wrong", "Digest x", "Basic AA==", "Bearer \xff:x"],
)
def test_a_wrong_secret_is_a_401_also_in_a_session(url: str, authorization: str) -> None:
    sent = {b"Authorization": authorization.encode("latin-1")}
    with httpx.Client(base_url=f"{url}/atdb") as browser:
        browser.post("/login/", json={"name": "viewer", "password": SECRETS["viewer"]})
        for answer in (httpx.get(f"{url}/atdb/me/", headers=sent), browser.get("/me/", headers=sent)):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert browser.get("/me/").status_code == 200


def test_a_token_is_accepted_only_as_bearer(url: str) -> None:
    viewer = ("viewer", SECRETS["viewer"])
    secret = httpx.post(f"{url}/atdb/tokens/", json={"name": "x"}, auth=viewer).json()["secret"]
    answers = {
        scheme: httpx.get(f"{url}/atdb/me/", headers={"Authorization": f"{scheme} {secret}"})
        for scheme in ("bearer", "Token", "Digest")
    }
    assert {scheme: answer.status_code for scheme, answer in answers.items()} == {
        "bearer": 200,
        "Token": 401,
        "Digest": 401,
    }
    assert "Authorization header cannot be used" in answers["Token"].json()["detail"]


def test_an_anonymous_client_may_do_what_the_setting_says(database_url: str) -> None:
    app = create_app(Config(database_url=database_url, anonymous_role=Role.VIEWER))
    http = app.test_client()
    assert http.get("/atdb/observations/").status_code == 200
    assert http.post("/atdb/observations/", json={}).status_code == 401
    assert http.post("/atdb/tokens/", json={"name": "x"}).status_code == 401
    assert http.get("/atdb/observations/", headers={"Authorization": "Basic !!!"}).status_code == 401
    app.extensions["atdb_engine"].dispose()


def test_a_change_from_a_page_of_atdb_is_accepted(url: str) -> None:
    sent = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(
        f"{url}/atdb/tokens/", json={"name": "x"}, headers=sent, auth=("viewer", SECRETS["viewer"])
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "sent", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_changes_nothing_with_the_password_that_a_browser_keeps(
    url: str, sent: dict[str, str]
) -> None:
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as browser:
        kept = browser.post("/tokens/", json={"name": "kept"}).json()
        text = {"Content-Type": "text/plain"}
        answers = [
            browser.post("/tokens/", content='{"name": "forged"}', headers=sent | text),
            browser.post("/tokens/", json={"name": "forged"}, headers=sent),
            browser.post("/tokens/", data={"name": "forged"}, headers=sent),
            browser.delete(f"/tokens/{kept['id']}/", headers=sent),
        ]
        assert [answer.status_code for answer in answers] == [403] * 4
        assert [token["name"] for token in browser.get("/tokens/", headers=sent).json()["results"]] == ["kept"]


def test_a_client_that_sends_its_body_slowly_keeps_no_transaction_open(app: Flask, url: str) -> None:
    credentials = b64encode(f"viewer:{SECRETS['viewer']}".encode()).decode()
    head = (
        f"POST /atdb/tokens/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
        'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"name":'
    )
    transactions = "select state from pg_stat_activity where datname = current_database() and xact_start < now()"
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=60) as connection:
        connection.sendall(head.encode())
        for _ in range(10):
            time.sleep(0.1)
            with app.extensions["atdb_engine"].connect() as database:
                assert database.scalars(text(transactions)).all() == []
        connection.sendall(b' "x"}')
        assert connection.recv(12) == b"HTTP/1.1 201"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/atdb/nothing", 404),
        ("GET", "/atdb/observations/99", 404),
        ("PUT", "/atdb/observations/", 405),
        ("DELETE", "/atdb/status/1/", 405),
        ("PUT", "/atdb/status/1/", 405),
    ],
)
def test_every_refusal_is_a_problem(url: str, method: str, path: str, expected: int) -> None:
    answer = httpx.request(method, url + path, auth=("admin", SECRETS["admin"]))
    assert answer.status_code == expected
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == expected


def test_other_content_types_and_large_bodies_are_refused(url: str) -> None:
    with httpx.Client(base_url=url, auth=("admin", SECRETS["admin"])) as http:
        assert http.post("/atdb/observations/", data={"field_name": "x"}).status_code == 415
        large = http.post(
            "/atdb/observations/", content=b" " * (5 << 20), headers={"Content-Type": "application/json"}
        )
        assert large.status_code == 413


def test_without_its_database_atdb_says_so_and_recovers(postgres: Postgres, url: str) -> None:
    assert httpx.get(f"{url}/atdb/health").status_code == 200
    postgres.stop()
    try:
        answer = httpx.get(f"{url}/atdb/health", timeout=10)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "password" not in answer.text
    finally:
        postgres.start()
    assert httpx.get(f"{url}/atdb/health").status_code == 200


@pytest.mark.parametrize(
    "statement", ["update transitions set reason = 'x'", "delete from transitions", "truncate transitions"]
)
def test_history_cannot_be_rewritten(owner_url: str, client: object, statement: str) -> None:
    engine = create_engine(owner_url)
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
