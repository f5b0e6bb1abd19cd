"""Accounts: passwords and tokens, and the commands that manage them."""

import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from atdb_api.database import transaction
from atdb_api.models import Base, FailedLogins, Token
from atdb_api.services import accounts
from tests.conftest import SECRETS

PASSWORD = "correct horse battery staple"
Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    def call(*arguments: str, given: str = "") -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), input=given)

    return call


def get(url: str, **sent: object) -> int:
    return httpx.get(f"{url}/atdb/me/", **sent).status_code  # type: ignore[arg-type]


def test_a_person_is_made_changed_closed_and_opened_by_command(run: Run, url: str) -> None:
    assert run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n").exit_code == 0
    assert get(url, auth=("ada", PASSWORD)) == 200
    assert httpx.get(f"{url}/atdb/me/", auth=("ada", PASSWORD)).json()["role"] == "viewer"
    assert run("account", "set", "ada", "--role", "operator", "--no-password").exit_code == 0
    assert httpx.get(f"{url}/atdb/me/", auth=("ada", PASSWORD)).json()["role"] == "operator"
    assert run("account", "disable", "ada").exit_code == 0
    assert get(url, auth=("ada", PASSWORD)) == 401
    assert "disabled" in run("account", "list").output
    assert run("account", "enable", "ada").exit_code == 0
    assert get(url, auth=("ada", PASSWORD)) == 200


def test_a_new_password_takes_the_place_of_the_old_at_once(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n")
    assert get(url, auth=("ada", PASSWORD)) == 200
    assert run("account", "set", "ada", given="another " + PASSWORD + "\n").exit_code == 0
    assert get(url, auth=("ada", PASSWORD)) == 401
    assert get(url, auth=("ada", "another " + PASSWORD)) == 200


def test_a_new_password_ends_all_tokens_and_sessions_of_its_account(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n")
    run("account", "set", "bob", "--role", "viewer", given=PASSWORD + "\n")
    secrets = {name: run("token", "make", name, "a token").output.split()[-1] for name in ("ada", "bob")}
    with httpx.Client(base_url=url) as browser:
        assert browser.post("/atdb/login/", json={"name": "ada", "password": PASSWORD}).status_code == 200
        assert browser.get("/atdb/me/").status_code == get(url, auth=("ada", secrets["ada"])) == 200
        run("account", "set", "ada", "--role", "astronomer", given=PASSWORD + "\n")
        assert browser.get("/atdb/me/").status_code == 200, "the password is the same"
        run("account", "set", "ada", given="another " + PASSWORD + "\n")
        assert browser.get("/atdb/me/").status_code == 401
    assert get(url, auth=("ada", secrets["ada"])) == 401
    assert get(url, auth=("bob", secrets["bob"])) == 200


def test_a_disabled_account_has_neither_tokens_nor_a_session_that_was_open(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "astronomer", given=PASSWORD + "\n")
    bearer = {"Authorization": f"Bearer {run('token', 'make', 'ada', 'a token').output.split()[-1]}"}
    with httpx.Client(base_url=f"{url}/atdb") as browser:
        me = browser.post("/login/", json={"name": "ada", "password": PASSWORD}).json()
        assert browser.get("/me/").status_code == get(url, headers=bearer) == 200
        run("account", "disable", "ada")
        assert browser.get("/me/").status_code == get(url, headers=bearer) == 401
        change = browser.post("/tokens/", json={"name": "x"}, headers={"X-CSRF-Token": me["csrf_token"]})
        assert change.status_code == 401
        assert get(url, auth=("ada", bearer["Authorization"].split()[-1])) == 401
        again = browser.post("/login/", json={"name": "ada", "password": PASSWORD})
        assert (again.status_code, "Set-Cookie" in again.headers) == (401, False)
        run("account", "enable", "ada")
        assert browser.get("/me/").status_code == get(url, headers=bearer) == 401
        assert browser.post("/login/", json={"name": "ada", "password": PASSWORD}).status_code == 200


def test_a_secret_works_only_as_what_it_is(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n")
    token = run("token", "make", "ada", "a token").output.split()[-1]
    login = httpx.post(f"{url}/atdb/login/", json={"name": "ada", "password": PASSWORD})
    session = login.cookies["atdb_session"]

    def status_codes(secret: str) -> list[int]:
        return [
            get(url, cookies={"atdb_session": secret}),
            get(url, headers={"Authorization": f"Bearer {secret}"}),
            get(url, auth=("ada", secret)),
            httpx.post(f"{url}/atdb/login/", json={"name": "ada", "password": secret}).status_code,
        ]

    assert status_codes(session) == [200, 401, 401, 401]
    assert status_codes(token) == [401, 200, 200, 401]
    assert status_codes(PASSWORD) == [401, 401, 200, 200]


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "set", "ada", "--role", "viewer"),
        ("account", "set", "ada", "--role", "king", "--no-password"),
        ("account", "set", "stranger", "--no-password"),
        ("account", "set", "a:b", "--role", "viewer", "--no-password"),
        ("account", "disable", "stranger"),
        ("token", "make", "stranger", "x"),
        ("token", "revoke", "99"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, given="short\n")
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit), done.exception
    assert "Error: " in done.output


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [("", False), ("a", True), ("é" * 100, True), ("a" * 101, False), ("a\x07b", False), ("a:b", False)],
)
def test_the_name_of_an_account_has_1_to_100_printable_characters(run: Run, name: str, is_allowed: bool) -> None:
    done = run("account", "set", name, "--role", "viewer", "--no-password")
    assert (done.exit_code == 0) == is_allowed
    assert ("must have 1 to 100 printable characters" in done.output) != is_allowed


@pytest.mark.parametrize(("length", "is_allowed"), [(11, False), (12, True)])
def test_a_password_has_at_least_12_characters(run: Run, url: str, length: int, is_allowed: bool) -> None:
    password = PASSWORD[:length]
    done = run("account", "set", "ada", "--role", "viewer", given=password + "\n")
    assert ("must have at least 12 characters" in done.output) != is_allowed
    assert get(url, auth=("ada", password)) == (200 if is_allowed else 401)


def test_a_token_is_shown_once_and_can_be_revoked(run: Run, url: str) -> None:
    secret = run("token", "make", "pipeline", "data writer").output.strip()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{url}/atdb/me/", headers=bearer).json()["account"] == "pipeline"
    assert get(url, auth=("pipeline", secret)) == 200
    assert get(url, auth=("viewer", secret)) == 401
    listed = run("token", "list").output
    assert "data writer" in listed
    assert secret not in listed
    assert run("token", "revoke", listed.split()[0]).exit_code == 0
    assert get(url, headers=bearer) == 401
    assert get(url, auth=("pipeline", secret)) == 401


def test_a_token_ends_with_its_lifetime(app: Flask, url: str) -> None:
    with app.app_context(), transaction() as session:
        token, secret = accounts.make_token(session, "pipeline", "x", timedelta(days=1), actor="tests")
        token_id = token.id
    assert get(url, headers={"Authorization": f"Bearer {secret}"}) == 200
    with app.app_context(), transaction() as session:
        session.execute(
            update(Token).where(Token.id == token_id).values(expires_at=Token.created_at - timedelta(seconds=1))
        )
    assert get(url, headers={"Authorization": f"Bearer {secret}"}) == 401


def test_people_make_and_revoke_their_own_tokens(url: str) -> None:
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as http:
        made = http.post("/tokens/", json={"name": "notebook", "days": 7}).json()
        assert made["secret"].startswith("atdb_")
        (listed,) = http.get("/tokens/").json()["results"]
        assert listed == {name: value for name, value in made.items() if name != "secret"}
        with httpx.Client(base_url=f"{url}/atdb", auth=("pipeline", SECRETS["pipeline"])) as other:
            assert other.get("/tokens/").json()["count"] == 0
            assert other.delete(f"/tokens/{made['id']}/").status_code == 404
        with httpx.Client(base_url=f"{url}/atdb", auth=("admin", SECRETS["admin"])) as admin:
            assert admin.get("/tokens/").json()["count"] == 1
            for_admin = http.post("/tokens/", json={"name": "lost"}).json()
            assert admin.delete(f"/tokens/{for_admin['id']}/").status_code == 204
        assert [token["id"] for token in http.get("/tokens/").json()["results"]] == [made["id"]]
        assert http.delete(f"/tokens/{made['id']}/").status_code == 204
        assert http.get("/tokens/").json()["count"] == 0


def test_nothing_that_opens_an_account_is_stored_or_listed(app: Flask, run: Run, url: str) -> None:
    secret = run("token", "make", "pipeline", "data writer").output.strip()
    made = httpx.post(
        f"{url}/atdb/tokens/",
        json={"name": "notebook"},
        auth=("viewer", SECRETS["viewer"]),
        headers={"Idempotency-Key": "one"},
    )
    with app.app_context(), transaction() as session:
        tables = Base.metadata.sorted_tables
        stored = [str(row) for table in tables for row in session.execute(select(table))]
    assert len(stored) > len(SECRETS)
    secrets = (secret, made.json()["secret"], *SECRETS.values())
    assert not any(known in text for text in stored for known in secrets)


def test_a_password_is_not_hashed_slowly_for_each_request(url: str) -> None:
    with httpx.Client(base_url=f"{url}/atdb", auth=("pipeline", SECRETS["pipeline"])) as http:
        http.get("/me/")
        begun = time.perf_counter()
        for _ in range(50):
            http.get("/me/")
        with_password = time.perf_counter() - begun
        secret = httpx.post(f"{url}/atdb/tokens/", json={"name": "x"}, auth=http.auth).json()["secret"]
        http.auth = httpx.Auth()  # which adds nothing to a request
        http.headers["Authorization"] = f"Bearer {secret}"
        begun = time.perf_counter()
        for _ in range(50):
            http.get("/me/")
        assert with_password < 3 * (time.perf_counter() - begun)


def test_who_has_no_password_is_refused_as_slowly_as_who_has_another(run: Run, url: str) -> None:
    run("account", "set", "robot", "--role", "viewer", "--no-password")

    def seconds(name: str) -> float:
        begun = time.perf_counter()
        assert get(url, auth=(name, "wrong")) == 401
        return time.perf_counter() - begun

    slow = min(seconds("viewer") for _ in range(3))
    assert min(seconds("robot") for _ in range(3)) > slow / 3
    assert min(seconds("stranger") for _ in range(3)) > slow / 3


def test_an_account_without_a_password_accepts_none(run: Run, url: str) -> None:
    run("account", "set", "robot", "--role", "viewer", "--no-password")
    for name in ("robot", "stranger"):
        for password in ("", "wrong", "the password of no account"):
            assert get(url, auth=(name, password)) == 401, (name, password)


def test_a_session_is_not_revoked_as_a_token(app: Flask, url: str) -> None:
    viewer = ("viewer", SECRETS["viewer"])
    with httpx.Client(base_url=f"{url}/atdb") as browser:
        browser.post("/login/", json={"name": viewer[0], "password": viewer[1]})
        with app.app_context(), transaction() as session:
            (session_id,) = session.scalars(select(Token.id).where(Token.is_session))
        assert httpx.delete(f"{url}/atdb/tokens/{session_id}/", auth=viewer).status_code == 404
        assert browser.get("/me/").status_code == 200


def test_failed_logins_are_slowed_but_those_who_are_known_are_not(app: Flask, url: str) -> None:
    assert get(url, auth=("operator", SECRETS["operator"])) == 200
    codes = [get(url, auth=("operator", f"wrong {n}")) for n in range(8)]
    assert codes == [401] * 5 + [429] * 3
    refused = httpx.get(f"{url}/atdb/me/", auth=("operator", "wrong"))
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    assert get(url, auth=("operator", SECRETS["operator"])) == 200
    assert get(url, auth=("viewer", SECRETS["viewer"])) == 200
    time.sleep(1.1)
    assert get(url, auth=("operator", "wrong again")) == 401
    refused = httpx.get(f"{url}/atdb/me/", auth=("operator", "wrong"))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")


def test_an_invented_name_is_counted_like_an_account(app: Flask, url: str) -> None:
    codes = [get(url, auth=(f"stranger{n % 2}", "wrong")) for n in range(12)]
    assert codes == [401] * 10 + [429] * 2
    with app.app_context(), transaction() as session:
        counts = {failed.account: failed.number for failed in session.scalars(select(FailedLogins))}
        assert counts == {"stranger0": 5, "stranger1": 5}


def test_what_is_done_to_accounts_is_recorded_for_admins(run: Run, url: str) -> None:
    run("account", "set", "ada", "--role", "viewer", given=PASSWORD + "\n")
    run("token", "make", "ada", "notebook")
    params = {"account": "ada"}
    seen = httpx.get(f"{url}/atdb/changes/", params=params, auth=("admin", SECRETS["admin"]))
    assert [change["action"] for change in seen.json()["results"]] == ["account changed", "token made"]
    assert PASSWORD not in seen.text
    assert seen.json()["results"][0]["actor"].startswith("command of ")
    hidden = httpx.get(f"{url}/atdb/changes/", params=params, auth=("operator", SECRETS["operator"]))
    assert hidden.json()["count"] == 0
