"""Logins: what a session needs and when it ends, and what ATDB remembers and records of logins."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from atdb_api.database import transaction
from atdb_api.models import Account, Change, FailedLogins, Token
from atdb_api.rest.auth import COOKIE, CSRF_HEADER
from atdb_api.services import accounts
from atdb_interface.roles import Role
from tests.api.racing import lock_held
from tests.conftest import SECRETS

PASSWORD = "correct horse battery staple"
VIEWER = ("viewer", SECRETS["viewer"])
Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments, given="": app.test_cli_runner().invoke(args=list(arguments), input=given)


def send(method: str, address: str, **sent: Any) -> httpx.Response:
    """Send a request; a busy machine takes long to check a password."""
    return httpx.request(method, address, timeout=30, **sent)


def me(url: str, **sent: Any) -> int:
    return send("GET", f"{url}/atdb/me/", **sent).status_code


def token_of(url: str, auth: tuple[str, str] = VIEWER) -> str:
    return str(send("POST", f"{url}/atdb/tokens/", json={"name": "x"}, auth=auth).json()["secret"])


def session_of(url: str, name: str = "viewer", password: str = SECRETS["viewer"]) -> tuple[str, str]:
    """Log in as a browser does; return the cookie and the CSRF token."""
    answer = send("POST", f"{url}/atdb/login/", json={"name": name, "password": password})
    return answer.cookies[COOKIE], answer.json()["csrf_token"]


def test_only_a_password_creates_a_token_and_a_session_that_began_with_one(url: str) -> None:
    (cookie, csrf), token = session_of(url), token_of(url)

    def create(**sent: Any) -> httpx.Response:
        return send("POST", f"{url}/atdb/tokens/", json={"name": "another"}, **sent)

    for sent in ({"auth": ("viewer", token)}, {"headers": {"Authorization": f"Bearer {token}"}}):
        refused = create(**sent)
        assert (refused.status_code, "A token is not enough" in refused.text) == (403, True)
    assert create().status_code == 401
    assert create(cookies={COOKIE: cookie}, headers={CSRF_HEADER: csrf}).status_code == 201


def test_a_change_in_a_session_needs_the_csrf_token_of_this_session(url: str) -> None:
    (cookie, csrf), (_, of_another) = session_of(url), session_of(url)

    def change(**headers: str) -> httpx.Response:
        sent = {"name": "x"}
        return send("POST", f"{url}/atdb/tokens/", json=sent, cookies={COOKIE: cookie}, headers=headers)

    for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: of_another}, {CSRF_HEADER: cookie}):
        refused = change(**headers)
        assert (refused.status_code, "requires the CSRF token" in refused.text) == (403, True), headers
    assert change(**{CSRF_HEADER: csrf}).status_code == 201
    assert me(url, cookies={COOKIE: cookie}) == 200


def test_a_login_is_small(url: str) -> None:
    longest = {"name": "\U0001f52d" * 200, "password": "\U0001f52d" * 1000}
    assert send("POST", f"{url}/atdb/login/", json=longest).status_code == 401
    refused = send("POST", f"{url}/atdb/login/", json=longest | {"password": [[]] * 30_000})
    assert (refused.status_code, "at most 64 KiB" in refused.text) == (413, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_ends_with_the_session_and_is_secret_on_the_way(app: Flask, url: str, scheme: str) -> None:
    http = app.test_client()
    fields = {"name": "viewer", "password": SECRETS["viewer"]}
    answer = http.post("/atdb/login/", json=fields, base_url=f"{scheme}://localhost")
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert (bool(cookie["secure"]), cookie["max-age"]) == (scheme == "https", str(12 * 3600))
    with app.app_context(), transaction() as session:
        made = session.scalars(select(Token).where(Token.is_session)).one()
        assert made.expires_at == made.created_at + timedelta(hours=12)


def failures(app: Flask, **changed: Any) -> list[tuple[str, str, int]]:
    """Return the counts of failed logins, after a change of all of them."""
    with app.app_context(), transaction() as session:
        if changed:
            session.execute(update(FailedLogins).values(**changed))
        rows = session.scalars(select(FailedLogins).order_by(FailedLogins.address, FailedLogins.account))
        return [(row.address, row.account, row.number) for row in rows]


def guess(app: Flask, name: str = "viewer", address: str = "10.0.0.1") -> Any:
    return app.test_client().get("/atdb/me/", auth=(name, "wrong"), environ_base={"REMOTE_ADDR": address})


@pytest.mark.parametrize(("minutes", "expected"), [(14.5, [("10.0.0.1", "viewer", 2)]), (15.1, [])])
def test_failed_logins_are_forgotten_after_a_quarter_of_an_hour(
    app: Flask, url: str, minutes: float, expected: list[Any]
) -> None:
    guess(app)
    guess(app)
    failures(app, last_at=datetime.now(UTC) - timedelta(minutes=minutes))
    guess(app, address="10.0.0.9")
    assert failures(app) == [*expected, ("10.0.0.9", "viewer", 1)]


def test_each_change_of_an_account_is_recorded_with_what_has_changed(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n")
    run("account", "set", "ada", "--role", "operator", "--no-password")
    run("account", "set", "ada", "--role", "operator", given=PASSWORD + "\n")  # changes nothing
    run("account", "set", "ada", given="another " + PASSWORD + "\n")
    run("account", "disable", "ada")
    run("account", "enable", "ada")
    auth = ("ada", "another " + PASSWORD)
    made = send("POST", f"{url}/atdb/tokens/", json={"name": "notebook"}, auth=auth).json()
    send("DELETE", f"{url}/atdb/tokens/{made['id']}/", auth=auth)
    with httpx.Client(base_url=f"{url}/atdb", auth=auth, timeout=30) as browser:
        browser.post("/login/", json={"name": auth[0], "password": auth[1]})
    parameters = {"account": "ada", "ordering": "id"}
    seen = send("GET", f"{url}/atdb/changes/", params=parameters, auth=("admin", SECRETS["admin"])).json()[
        "results"
    ]
    assert [(change["action"], change["fields"]) for change in seen] == [
        ("account changed", {"role": [None, "viewer"], "password": [None, "changed"]}),
        ("account changed", {"role": ["viewer", "operator"]}),
        ("account changed", {"password": [None, "changed"]}),
        ("account disabled", {}),
        ("account enabled", {}),
        ("token made", {"token": [None, "notebook"]}),
        ("token revoked", {"token": ["notebook", None]}),
    ]
    assert {change["actor"] for change in seen[-2:]} == {"ada"}


def test_a_process_remembers_a_limited_number_of_passwords(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts._Verified, "MOST", 2)
    known = accounts._Verified()
    of = [Account(name=f"ada{number}", password_hash=f"hash {number}") for number in range(3)]
    for account in of:
        known.remember(account, PASSWORD)
    assert [known.holds(account, PASSWORD) for account in of] == [False, True, True]
    assert not known.holds(of[2], PASSWORD + "x")
    of[2].password_hash = "another hash"
    assert not known.holds(of[2], PASSWORD)


def change_account(app: Flask, **changed: Any) -> None:
    with app.app_context(), transaction() as session:
        accounts.put(session, "viewer", **{"role": None, "password": None, "actor": "tests", **changed})


def begin_session(url: str, password: str = SECRETS["viewer"]) -> httpx.Response:
    fields = {"name": "viewer", "password": password}
    return send("POST", f"{url}/atdb/login/", json=fields)


def assert_no_session(app: Flask, refused: httpx.Response) -> None:
    assert (refused.status_code, refused.cookies.get(COOKIE)) == (401, None)
    assert "has just been changed" in refused.json()["detail"]
    with app.app_context(), transaction() as session:
        assert session.scalars(select(Token)).all() == []


def test_a_login_during_a_change_of_the_password_leaves_no_session(app: Flask, url: str, owner_url: str) -> None:
    with lock_held(owner_url, "select from accounts where name = 'viewer' for update") as queue:
        changed = queue.send(lambda: change_account(app, password="another " + PASSWORD))
        answer = queue.send(lambda: begin_session(url))
        queue.release()
        changed.result()
        assert_no_session(app, answer.result())


def test_a_password_that_changes_after_it_was_checked_leaves_no_session(
    app: Flask, url: str, owner_url: str
) -> None:
    change_account(app, password=PASSWORD)  # which this process has not verified yet
    assert me(url, auth=("viewer", "wrong")) == 401
    # A login deletes the count of failed logins after it has checked the password: this lock makes it wait there.
    with lock_held(owner_url, "select from failed_logins for key share") as queue:
        answer = queue.send(lambda: begin_session(url, PASSWORD))
        change_account(app, password="another " + PASSWORD)
        queue.release()
        assert_no_session(app, answer.result())


@pytest.mark.parametrize("is_session", [True, False])
def test_a_token_is_not_created_with_a_former_password(
    app: Flask, url: str, owner_url: str, is_session: bool
) -> None:
    cookie, csrf = session_of(url)
    sent = {"cookies": {COOKIE: cookie}, "headers": {CSRF_HEADER: csrf}} if is_session else {"auth": VIEWER}
    with lock_held(owner_url, "select from accounts where name = 'viewer' for update") as queue:
        changed = queue.send(lambda: change_account(app, password="another " + PASSWORD))
        answer = queue.send(lambda: send("POST", f"{url}/atdb/tokens/", json={"name": "x"}, **sent))
        queue.release()
        changed.result()
        assert_no_session(app, answer.result())


def test_of_two_changes_of_an_account_the_second_records_what_the_first_has_made(
    app: Flask, url: str, owner_url: str
) -> None:
    with lock_held(owner_url, "select from accounts where name = 'viewer' for update") as queue:
        first = queue.send(lambda: change_account(app, role=Role.OPERATOR))
        second = queue.send(lambda: change_account(app, role=Role.ASTRONOMER))
        queue.release()
        first.result()
        second.result()
    with app.app_context(), transaction() as session:
        rows = session.scalars(select(Change).where(Change.actor == "tests", Change.account == "viewer"))
        fields = [row.fields["role"] for row in sorted(rows, key=lambda row: row.id)]
    assert fields == [[None, "viewer"], ["viewer", "operator"], ["operator", "astronomer"]]
