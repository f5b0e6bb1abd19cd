"""Wrong passwords are limited per client and account, also those that arrive at the same time."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from threading import Barrier

import httpx
import pytest
from flask import Flask
from sqlalchemy import select, update

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.models import FailedLogins
from atdb_api.services import accounts, login_attempts
from atdb_interface.roles import Role
from tests.api.racing import lock_held
from tests.conftest import SECRETS, listening
from tests.serving import Served

WRONG, PASSWORD = "wrong", "correct horse battery staple"

Attempt = Callable[..., httpx.Response]


@pytest.fixture
def behind(database_url: str) -> Iterator[Flask]:
    """ATDB behind a proxy, with the accounts ada and bob, whose passwords no process has verified."""
    app = create_app(Config(database_url=database_url, trusted_proxies=1))
    with app.app_context(), transaction() as session:
        for name in ("ada", "bob"):
            accounts.put(session, name, role=Role.VIEWER, password=PASSWORD, actor="tests")
    yield app
    app.extensions["atdb_engine"].dispose()


@pytest.fixture
def attempt(behind: Flask) -> Iterator[Attempt]:
    """Send a request with a name and password from an IP address."""
    with listening(behind) as port:

        def send(address: str, name: str, secret: str = WRONG) -> httpx.Response:
            headers = {"X-Forwarded-For": address}
            return httpx.get(f"http://127.0.0.1:{port}/atdb/me/", auth=(name, secret), headers=headers)

        yield send


def by_basic(url: str, password: str) -> int:
    return httpx.get(f"{url}/atdb/me/", auth=("operator", password), timeout=60).status_code


def by_json(url: str, password: str) -> int:
    given = {"name": "operator", "password": password}
    return httpx.post(f"{url}/atdb/login/", json=given, timeout=60).status_code


def by_form(url: str, password: str) -> int:
    given = {"name": "operator", "password": password}
    return httpx.post(f"{url}/atdb/login/", data=given, timeout=60).status_code


def at_once(url: str, logins: tuple[Callable[[str, str], int], ...], passwords: list[str]) -> list[int]:
    """Log in with all of these passwords at the same time, each in the next way; return the status codes."""
    barrier = Barrier(len(passwords))

    def log_in(login: Callable[[str, str], int], password: str) -> int:
        barrier.wait()
        return login(url, password)

    with ThreadPoolExecutor(len(passwords)) as threads:
        return list(threads.map(log_in, cycle(logins), passwords))


def failed_often(app: Flask, ago: timedelta = timedelta()) -> None:
    """Set the counts so that each client and account that has failed waits for a minute since this time."""
    with app.app_context(), transaction() as session:
        session.execute(update(FailedLogins).values(number=20, last_at=datetime.now(UTC) - ago))


def test_of_wrong_passwords_at_once_no_more_are_checked_than_in_turn(app: Flask, served: Served) -> None:
    assert by_basic(served.url, WRONG) == 401
    failed_often(app, timedelta(seconds=login_attempts.LONGEST_WAIT_SECONDS))  # so one is allowed now
    codes = at_once(served.url, (by_basic, by_json, by_form), [f"wrong {n}" for n in range(60)])
    assert Counter(codes) == {401: 1, 429: 59}


def test_the_right_password_in_many_requests_at_once_is_not_refused(served: Served) -> None:
    assert set(at_once(served.url, (by_basic,), [SECRETS["operator"]] * 30)) == {200}
    assert {by_basic(served.url, WRONG) for _ in range(5)} == {401}, "no right login was counted"


def test_wrong_passwords_affect_neither_other_places_nor_other_accounts(attempt: Attempt, behind: Flask) -> None:
    assert attempt("192.0.2.1", "ada").status_code == 401
    failed_often(behind)
    assert attempt("192.0.2.1", "ada", PASSWORD).status_code == 429
    assert attempt("192.0.2.2", "ada", PASSWORD).status_code == 200
    assert attempt("192.0.2.1", "bob", PASSWORD).status_code == 200
    with behind.app_context(), transaction() as session:
        (left,) = session.scalars(select(FailedLogins))
        assert (left.address, left.account, left.number) == ("192.0.2.1", "ada", 20)
    assert attempt("192.0.2.1", "ada", PASSWORD).status_code == 200, "a password that was accepted never waits"


def test_a_successful_login_ends_the_count(attempt: Attempt, behind: Flask) -> None:
    assert attempt("192.0.2.1", "ada").status_code == 401
    failed_often(behind, timedelta(seconds=login_attempts.LONGEST_WAIT_SECONDS))
    assert attempt("192.0.2.1", "ada", PASSWORD).status_code == 200
    assert [attempt("192.0.2.1", "ada").status_code for _ in range(2)] == [401] * 2


def test_a_client_cannot_try_all_accounts_and_one_account_does_not_fill_its_limit(
    attempt: Attempt, behind: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_attempts, "FREE_FAILURES_OF_CLIENT", 8)
    assert attempt("192.0.2.1", "ada").status_code == 401
    failed_often(behind)
    names = ("bob", "bob", "viewer", "operator", "bob")
    assert [attempt("192.0.2.1", name).status_code for name in names] == [401] * 3 + [429] * 2
    refused = attempt("192.0.2.1", "pipeline")
    assert 1 <= int(refused.headers["Retry-After"]) <= login_attempts.WAIT_OF_CLIENT_SECONDS
    assert attempt("192.0.2.2", "pipeline").status_code == 401


@pytest.mark.parametrize(
    ("number", "accounts_with_5", "waits_seconds"), [(20, 0, 60), (5, 9, 10)], ids=["an account", "a client"]
)
def test_the_longest_waits_are_60_s_for_an_account_and_10_s_for_a_client(
    attempt: Attempt, behind: Flask, number: int, accounts_with_5: int, waits_seconds: int
) -> None:
    began = datetime.now(UTC)
    with behind.app_context(), transaction() as session:
        rows = [FailedLogins(account=f"ada{n}", number=5) for n in range(accounts_with_5)]
        for row in (FailedLogins(account="ada", number=number), *rows):
            row.address, row.last_at = "192.0.2.1", began
            session.add(row)
    refused = attempt("192.0.2.1", "ada" if number > 5 else "bob")
    assert refused.status_code == 429
    passed = (datetime.now(UTC) - began).total_seconds()
    assert waits_seconds - passed <= int(refused.headers["Retry-After"]) <= waits_seconds


def test_a_client_waits_after_50_failures_with_all_accounts(attempt: Attempt, behind: Flask) -> None:
    with behind.app_context(), transaction() as session:
        for n in range(10):
            row = FailedLogins(account=f"ada{n}", number=4 if n else 9, address="192.0.2.1")
            row.last_at = datetime.now(UTC)
            session.add(row)
    names = ("bob", "bob", "bob", "bob", "viewer", "viewer", "viewer", "viewer", "ada", "operator")
    assert [attempt("192.0.2.1", name).status_code for name in names] == [401] * 9 + [429]


@pytest.mark.parametrize("other", ["a second stranger", "x" * 101, "a\u2028b"])
def test_nothing_shows_which_names_accounts_have(attempt: Attempt, behind: Flask, other: str) -> None:
    refused = [attempt("192.0.2.1", name) for name in ("a stranger", "ada")]
    failed_often(behind)
    refused += [attempt("192.0.2.1", name) for name in (other, "bob")]
    assert {answer.status_code for answer in refused} == {401}
    assert len({answer.text for answer in refused}) == 1
    failed_often(behind)
    assert {attempt("192.0.2.1", name).status_code for name in ("a stranger", "ada", other, "bob")} == {429}


def test_a_login_is_counted_after_the_one_before_it(attempt: Attempt, behind: Flask, owner_url: str) -> None:
    lock = "select pg_advisory_xact_lock(hashtextextended('login attempts', 0))"
    with lock_held(owner_url, lock) as queue:
        answer = queue.send(lambda: attempt("192.0.2.1", "ada"))
        queue.release()
        assert answer.result().status_code == 401


def test_a_network_of_ipv6_is_one_client(attempt: Attempt, behind: Flask) -> None:
    assert attempt("2001:db8::1:1", "ada").status_code == 401
    failed_often(behind)
    assert attempt("2001:db8::2:1", "ada").status_code == 429
    assert attempt("2001:db8:0:1::1", "ada").status_code == 401


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("a name", "a name"),
        (None, "unknown"),
    ],
)
def test_a_client_is_its_address_or_its_network(address: str | None, client: str) -> None:
    assert login_attempts.client_of(address) == client
