"""The browsable API: the pages at the addresses of the API."""

from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy import create_engine, text

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from tests.api.browser import ACCEPT, Browser, forms, links
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ADMIN = ("admin", SECRETS["admin"])


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html;q=0.9"])
def test_a_program_gets_json(url: str, accept: str | None) -> None:
    with httpx.Client(auth=ADMIN) as http:
        del http.headers["Accept"]
        answer = http.get(f"{url}/atdb/observations/", headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["results"] == []
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [ACCEPT, "text/html", "text/*", "application/json;q=0.5, text/html"])
def test_a_browser_gets_a_page(url: str, accept: str) -> None:
    answer = httpx.get(f"{url}/atdb/observations/", headers={"Accept": accept}, auth=ADMIN)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    assert "admin" in answer.text


def test_the_json_is_one_click_away(url: str, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "viewer")
    for path in ("/atdb/observations/?my_status=defined", f"/atdb/observations/{made.id}/", "/atdb/"):
        page = http.get(path)
        (link,) = [link for link in links(page) if "format=json" in link]
        answer = http.get(page.url.join(link))
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == http.get(path, headers={"Accept": "application/json"}).json()


def test_a_refusal_is_json_too_where_that_is_asked(url: str) -> None:
    answer = Browser(url, "viewer").get("/atdb/observations/?nothing=1&format=json")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "nothing" in answer.json()["detail"]


def test_a_page_has_no_etag_and_is_never_taken_for_the_json(url: str, observe: Observe) -> None:
    address = f"/atdb/observations/{observe().id}/"
    http = Browser(url, "viewer")
    tag = http.get(address, headers={"Accept": "*/*"}).headers["ETag"]
    page = http.get(address, headers={"If-None-Match": tag})
    assert page.status_code == 200
    assert "ETag" not in page.headers
    assert page.headers["Cache-Control"] == "no-store"
    again = http.get(address, headers={"If-None-Match": tag, "Accept": "*/*"})
    assert again.status_code == 304
    assert again.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/atdb/nothing/", 404),
        ("/atdb/observations/77/", 404),
        ("/atdb/observations/?id=x", 400),
        ("/atdb/dataproducts/moves/", 405),
    ],
)
def test_a_refusal_is_a_page_that_says_why(url: str, path: str, status: int) -> None:
    http = Browser(url, "viewer")
    page = http.get(path)
    problem = http.get(path, headers={"Accept": "*/*"}).json()
    assert page.status_code == status == problem["status"]
    assert problem["detail"] in unescape(page.text)
    assert "Log out" in forms(page)


def test_a_page_of_an_internal_error_shows_no_details(database_url: str, owner_url: str) -> None:
    app = create_app(Config(database_url=database_url, anonymous_role=Role.VIEWER))
    with create_engine(owner_url).begin() as connection:
        connection.execute(text("alter table observations rename column name to secret_column"))
    page = app.test_client().get("/atdb/observations/", headers={"Accept": ACCEPT})
    assert page.status_code == 500
    assert page.content_type == "text/html; charset=utf-8"
    assert "secret_column" not in page.text
    assert "sqlalchemy" not in page.text.lower()
    app.extensions["atdb_engine"].dispose()


def test_every_answer_carries_the_security_headers(url: str) -> None:
    http = Browser(url, "viewer")
    for path in (
        "/atdb/",
        "/atdb/me/?format=json",
        "/atdb/nothing/",
        "/atdb/docs/",
        "/static/atdb.css",
        "/nothing",
    ):
        answer = http.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "same-origin", path
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'self';", "frame-ancestors 'self';", "form-action 'self';", "base-uri 'none'"):
            assert part in policy, path
        assert ("unsafe-inline" in policy) == (path == "/atdb/docs/")
        assert "script-src" not in policy


def test_the_pages_need_nothing_inline_and_nothing_from_elsewhere(url: str, observe: Observe) -> None:
    http = Browser(url, "operator")
    paths = ("/atdb/", "/atdb/observations/", f"/atdb/observations/{observe().id}/", "/atdb/login/", "/atdb/docs/")
    for path in paths:
        page = http.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page
        assert " onclick=" not in page
        assert "https://" not in page
    for file in (
        "/bootstrap/static/css/bootstrap.min.css",
        "/static/theme.js",
        "/static/docs.js",
        "/static/atdb.svg",
    ):
        assert http.get(file).status_code == 200


def test_what_is_named_is_linked(url: str, observe: Observe) -> None:
    made = observe(products=2)
    http = Browser(url, "viewer")
    hrefs = links(http.get("/atdb/observations/"))
    assert f"/atdb/observations/{made.id}/" in hrefs
    assert f"/atdb/observations/?taskID={made.taskID}" in hrefs
    for product in made.generated_dataproducts:
        assert f"/atdb/dataproducts/{product}/" in hrefs
    assert f"/atdb/status/{made.status_history[0].id}/" in hrefs
    assert f"/atdb/observations/{made.id}/" in links(http.get(f"/atdb/dataproducts/{product}/"))
    for link in (link for link in hrefs if link.startswith("/atdb/")):
        assert http.get(link).status_code == 200, link


def test_pages_lead_to_those_beside_them(url: str, observe: Observe) -> None:
    for _ in range(3):
        observe()
    http = Browser(url, "viewer")
    first = http.get("/atdb/observations/?page_size=2")
    assert f"{url}/atdb/observations/?page_size=2&page=2" in links(first)
    assert "3 items" in first.text
    second = http.get("/atdb/observations/?page_size=2&page=2")
    assert f"{url}/atdb/observations/?page_size=2&page=1" in links(second)


def test_a_click_on_a_columns_head_orders_by_it_and_another_turns_it_round(url: str, observe: Observe) -> None:
    observe(), observe()
    http = Browser(url, "viewer")
    once = "?my_status=defined&ordering=starttime"
    assert once in links(http.get("/atdb/observations/?my_status=defined&page=1"))
    ordered = http.get(f"/atdb/observations/{once}")
    assert 'aria-sort="ascending"' in ordered.text
    assert "?my_status=defined&ordering=-starttime" in links(ordered)


def test_a_filter_is_added_by_a_form_and_removed_by_a_link(url: str, observe: Observe) -> None:
    observe(), observe(Status.SCHEDULED)
    http = Browser(url, "viewer")
    page = http.get("/atdb/observations/?field_name=3C48&page=1")
    answer = http.submit(page, "Filter", _field="my_status", _lookup="in", _value="defined,on hold", _not="1")
    address = urlsplit(answer.headers["Location"])
    assert address.path == "/atdb/observations/"
    assert parse_qsl(address.query) == [("field_name", "3C48"), ("my_status__in__exclude", "defined,on hold")]
    filtered = http.follow(answer)
    assert "1 item" in filtered.text
    assert "?field_name=3C48" in links(filtered)


def test_a_filter_that_cannot_be_read_can_be_removed(url: str) -> None:
    http = Browser(url, "viewer")
    page = http.get("/atdb/observations/?my_status=defined&field_ra=x")
    assert page.status_code == 400
    assert "?my_status=defined" in links(page)


def test_what_is_no_filter_takes_no_lookup(url: str) -> None:
    http = Browser(url, "viewer")
    page = http.get("/atdb/observations/?as_of=2026-01-01")
    answer = http.submit(page, "Filter", _field="as_of", _lookup="gte", _value="2026-01-02")
    assert answer.headers["Location"] == "/atdb/observations/?as_of=2026-01-02"


@pytest.mark.parametrize("value", [HOSTILE, "javascript:alert(1)", "https://evil.example/"])
def test_hostile_values_are_only_text(url: str, observe: Observe, value: str) -> None:
    made = observe(field_name=value, options={value: value, "id": 5})
    http = Browser(url, "operator")
    pages = [
        http.get("/atdb/observations/"),
        http.get(f"/atdb/observations/{made.id}/"),
        http.get("/atdb/observations/", params={value: value}),
        http.get("/atdb/observations/", params={"field_name": value, "ordering": "starttime"}),
        http.get("/atdb/summary/", params={"group_by": value}),
        http.get(f"/atdb/{value.replace('/', '')}/"),
        http.get("/atdb/login/", params={"next": value}),
        http.submit(
            http.get("/atdb/observations/"), "Send", field_name=value, observing_mode=value, starttime=value
        ),
        http.submit(http.get(f"/atdb/observations/{made.id}/"), "Save", telescopes=value, node=value),
        http.get("/atdb/observations/", headers={"Host": 'a"><script>'})
        if value == HOSTILE
        else http.get("/atdb/"),
    ]
    for page in pages:
        assert "<script>" not in page.text
        assert "<img" not in page.text
        if page.headers["Content-Type"].startswith("text/html"):
            assert not [link for link in links(page) if link.startswith(("javascript:", "https:"))]
    assert "/atdb/observations/5/" not in links(pages[1])
