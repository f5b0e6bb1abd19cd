"""A user logs in, has a session, and logs out; no other account can use the session."""

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest
from flask import Flask
from sqlalchemy import update

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.database import transaction
from atdb_api.models import Token
from atdb_interface.observations import Observation
from tests.api.browser import ACCEPT, ELSEWHERE, Browser, forms, links
from tests.conftest import SECRETS


def log_in_by_form(http: Browser, **fields: str) -> httpx.Response:
    return http.submit(http.get("/atdb/login/"), "Log in", **{"name": "pipeline", "password": "wrong", **fields})


def test_a_person_is_asked_to_log_in_and_comes_to_the_page_that_was_wanted(url: str) -> None:
    http = Browser(url)
    login_page = http.get("/atdb/observations/?my_status=valid&format=x")
    assert login_page.status_code == 401
    assert "Basic" not in login_page.headers["WWW-Authenticate"]
    answer = http.submit(login_page, "Log in", name="viewer", password=SECRETS["viewer"])
    assert answer.headers["Location"] == "/atdb/observations/?my_status=valid&format=x"
    assert "viewer" in http.get("/atdb/").text


def test_a_program_still_logs_in_by_json(url: str) -> None:
    answer = httpx.post(f"{url}/atdb/login/", json={"name": "viewer", "password": SECRETS["viewer"]})
    assert answer.json()["account"] == "viewer"
    assert answer.json()["csrf_token"]


def test_a_program_that_does_not_log_in_still_gets_the_challenge_of_basic(url: str) -> None:
    answer = httpx.get(f"{url}/atdb/observations/")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", [*ELSEWHERE, ""])
def test_a_login_leads_to_no_other_host(url: str, address: str) -> None:
    http = Browser(url)
    assert forms(http.get("/atdb/login/", params={"next": address}))["Log in"].fields["next"] == "/tasks/"
    fields = {"name": "viewer", "password": SECRETS["viewer"], "next": address}
    answer = http.post("/atdb/login/", data=fields)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/tasks/"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_form_leads_to_another_host(url: str, of_astronomer: Observation, address: str) -> None:
    http = Browser(url, "operator")
    page = http.get("/tasks/bulk/", params={"back": address, "task": of_astronomer.taskID})
    assert page.status_code == 200
    assert all(re.match(r"/(?![/\\])|#", link) for link in links(page)), links(page)
    path = f"/tasks/{of_astronomer.taskID}/"
    page_forms = forms(http.get(path, params={"action": "hold", "back": address}))
    form = next(form for form in page_forms.values() if form.fields.get("action") == "hold")
    answer = http.post(path, data=form.fields | {"reason": "storm", "back": address})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tasks/")


def test_a_wrong_password_is_said_and_the_name_stays(url: str) -> None:
    http = Browser(url)
    page = http.get("/atdb/login/", params={"next": "/atdb/status/"})
    answer = http.submit(page, "Log in", name="<b>me</b>", password="not the password")
    assert answer.status_code == 401
    assert "wrong password" in answer.text
    assert "not the password" not in answer.text
    form = forms(answer)["Log in"]
    assert form.fields == {"next": "/atdb/status/", "name": "<b>me</b>", "password": ""}
    assert "<b>" not in answer.text


def test_a_client_that_guesses_learns_how_long_to_wait(url: str) -> None:
    http = Browser(url)
    answers = [log_in_by_form(http) for _ in range(7)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert f"wait {answers[-1].headers['Retry-After']} s" in answers[-1].text
    assert "Log in" in forms(answers[-1])


def test_a_token_begins_no_session(url: str) -> None:
    me = ("pipeline", SECRETS["pipeline"])
    token = httpx.post(f"{url}/atdb/tokens/", json={"name": "mine", "days": 1}, auth=me).json()["secret"]
    fields = {"name": "pipeline", "password": token}
    answer = httpx.post(f"{url}/atdb/login/", json=fields)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "a token, not a password" in answer.json()["detail"]
    assert httpx.get(f"{url}/atdb/me/", auth=("pipeline", token)).status_code == 200
    page = log_in_by_form(Browser(url), password=token)
    assert (page.status_code, "a token, not a password" in page.text) == (401, True)


def test_an_empty_name_is_said_on_the_login_page(url: str) -> None:
    answer = log_in_by_form(Browser(url), name="")
    assert answer.status_code == 400
    assert "name" in answer.text
    assert "Log in" in forms(answer)


def test_no_other_site_can_log_a_user_in(url: str) -> None:
    fields = {"name": "viewer", "password": SECRETS["viewer"]}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = httpx.post(f"{url}/atdb/login/", data=fields, headers={**headers, "Accept": ACCEPT})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


def test_the_cookie_of_a_session_is_for_this_site_and_no_script(url: str) -> None:
    answer = log_in_by_form(Browser(url), password=SECRETS["pipeline"])
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["atdb_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"


def test_to_log_out_ends_the_session_in_the_server_too(url: str) -> None:
    http = Browser(url, "viewer")
    cookie = http.cookies["atdb_session"]
    left = http.submit(http.get("/atdb/"), "Log out")
    assert left.status_code == 303
    assert left.headers["Location"] == "/atdb/login/"
    assert "atdb_session" not in http.cookies
    assert httpx.get(f"{url}/atdb/me/", cookies={"atdb_session": cookie}).status_code == 401


def test_a_logout_by_a_program_ends_its_session_and_no_token(url: str) -> None:
    viewer = ("viewer", SECRETS["viewer"])
    token = httpx.post(f"{url}/atdb/tokens/", json={"name": "x"}, auth=viewer).json()["secret"]
    with httpx.Client(base_url=f"{url}/atdb") as http:
        me = http.post("/login/", json={"name": viewer[0], "password": viewer[1]}).json()
        assert (me["account"], me["role"], me["csrf_token"]) == (
            "viewer",
            "viewer",
            http.get("/me/").json()["csrf_token"],
        )
        cookie = http.cookies["atdb_session"]
        answer = http.post("/logout/", headers={"X-CSRF-Token": me["csrf_token"]})
        assert (answer.status_code, answer.content, "atdb_session" in http.cookies) == (204, b"", False)
    assert httpx.get(f"{url}/atdb/me/", cookies={"atdb_session": cookie}).status_code == 401
    bearer = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{url}/atdb/logout/", headers=bearer).status_code == 204
    assert httpx.get(f"{url}/atdb/me/", headers=bearer).json()["csrf_token"] is None


def test_no_other_site_can_log_a_user_out(url: str) -> None:
    http = Browser(url, "viewer")
    assert http.post("/atdb/logout/", data={"csrf_token": "wrong"}).status_code == 403
    assert http.get("/atdb/me/").status_code == 200


def test_an_ended_session_asks_to_log_in_again(app: Flask, url: str, observe: Callable[..., Observation]) -> None:
    http = Browser(url, "pipeline")
    page = http.get(f"/atdb/observations/{observe().id}/")
    with app.app_context(), transaction() as session:
        session.execute(update(Token).where(Token.is_session).values(expires_at="2020-01-01"))
    answer = http.submit(page, "Move", new_status="scheduled")
    assert answer.status_code == 401
    assert "session has ended" in answer.text
    assert "atdb_session" not in http.cookies
    again = http.submit(answer, "Log in", name="pipeline", password=SECRETS["pipeline"])
    assert again.headers["Location"] == page.url.path
    assert '"my_status": "defined"' in http.follow(again).text.replace("&#34;", '"')


def test_airflow_alone_may_frame_the_pages(database_url: str) -> None:
    app = create_app(Config(database_url=database_url, airflow_url="http://airflow.example:8080"))
    policy = app.test_client().get("/atdb/login/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' http://airflow.example:8080;" in policy
    app.extensions["atdb_engine"].dispose()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", None),
        ("http://airflow.example:8080/home?x=1", "http://airflow.example:8080/home"),
        ("https://atdb.example/airflow/", "https://atdb.example/airflow"),
        ("https://airflow", "https://airflow"),
    ],
)
def test_the_address_of_airflow_is_cut_to_its_path(
    monkeypatch: pytest.MonkeyPatch, given: str, url: str | None
) -> None:
    monkeypatch.setenv("ATDB_DATABASE_URL", "postgresql://")
    monkeypatch.setenv("AIRFLOW_URL", given)
    assert Config.from_environment().airflow_url == url


@pytest.mark.parametrize("given", ["airflow:8080", "http://a;script-src *", "http://a b", "javascript:x"])
def test_an_address_of_airflow_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ATDB_DATABASE_URL", "postgresql://")
    monkeypatch.setenv("AIRFLOW_URL", given)
    with pytest.raises(SystemExit, match="AIRFLOW_URL"):
        Config.from_environment()
