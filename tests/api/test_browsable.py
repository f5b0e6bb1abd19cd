"""The browsable API: the pages at the API's URLs, and their use without JavaScript."""

from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy import create_engine, text

from atdb_api import create_app
from atdb_api.config import Config
from atdb_api.roles import Role
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status, allowed_next
from atdb_interface.observations import Observation
from tests.api.browser import ACCEPT, Browser, forms, links
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ADMIN = ("admin", SECRETS["admin"])
SPECIFICATION = {"field_name": "M31", "observing_mode": "imaging", "starttime": "2026-05-01T06:00:00Z"}


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


def test_a_page_of_a_failure_inside_tells_nothing_of_it(database_url: str, owner_url: str) -> None:
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


@pytest.mark.parametrize(
    ("role", "on_the_list", "on_the_item"),
    [
        ("viewer", set(), set()),
        ("service", {"Send"}, {"Move", "Save"}),
        ("operator", {"Send"}, {"Move", "Save", "Delete it"}),
    ],
)
def test_a_page_has_the_forms_for_what_its_user_may_do(
    url: str, observe: Observe, role: str, on_the_list: set[str], on_the_item: set[str]
) -> None:
    made = observe(products=1)
    http = Browser(url, role)
    for resource, number in (("observations", made.id), ("dataproducts", made.generated_dataproducts[0])):
        assert forms(http.get(f"/atdb/{resource}/")).keys() == {"Log out", "Filter"} | on_the_list
        assert forms(http.get(f"/atdb/{resource}/{number}/")).keys() == {"Log out"} | on_the_item


@pytest.mark.parametrize(("role", "may_force"), [("service", False), ("operator", True)])
def test_only_an_operator_is_offered_to_force_on_the_history(url: str, role: str, may_force: bool) -> None:
    form = forms(Browser(url, role).get("/atdb/status/"))["Send"]
    assert ("force" in form.fields) == may_force
    assert {"taskID", "name", "reason"} <= form.fields.keys()


def test_who_is_in_no_session_gets_no_forms(database_url: str, url: str, observe: Observe) -> None:
    address = f"/atdb/observations/{observe().id}/"
    assert not forms(httpx.get(url + address, headers={"Accept": ACCEPT}, auth=ADMIN))
    app = create_app(Config(database_url=database_url, anonymous_role=Role.OPERATOR))
    page = app.test_client().get(address, headers={"Accept": ACCEPT})
    assert page.status_code == 200
    assert "<form" not in page.text
    app.extensions["atdb_engine"].dispose()


def test_the_past_has_no_forms(url: str, observe: Observe) -> None:
    made = observe()
    now = made.creationTime.isoformat()
    page = Browser(url, "operator").get(f"/atdb/observations/{made.id}/", params={"as_of": now})
    assert page.status_code == 200
    assert forms(page).keys() == {"Log out"}


def test_an_observation_is_made_by_a_form(url: str, client: Client) -> None:
    http = Browser(url, "service")
    typed = {**SPECIFICATION, "duration": "60", "options": '{"ndps": 2}', "skip_auto_ingest": "true"}
    made = http.submit(http.get("/atdb/observations/"), "Send", **typed, field_ra="12.5")
    page = http.follow(made)
    assert page.url.path == made.headers["Location"] == "/atdb/observations/1/"
    (there,) = client.observations()
    assert there.field_name == "M31"
    assert there.field_ra == 12.5
    assert there.options == {"ndps": 2}
    assert there.skip_auto_ingest
    assert there.field_dec is None


def test_a_form_that_failed_says_why_and_keeps_what_was_typed(url: str, client: Client) -> None:
    http = Browser(url, "service")
    page = http.get("/atdb/observations/")
    answer = http.submit(page, "Send", **SPECIFICATION, duration="60", telescopes="XYZ", options=HOSTILE)
    assert answer.status_code == 400
    assert "options: not JSON" in answer.text
    answer = http.submit(answer, "Send", options='{"ndps": 0}')
    assert ">ndps: 0 is not" in unescape(answer.text)
    answer = http.submit(answer, "Send", options="")
    assert "telescopes: String should match" in unescape(answer.text)
    form = forms(answer)["Send"]
    assert form.fields["telescopes"] == "XYZ"
    assert form.fields["field_name"] == "M31"
    assert not list(client.observations())
    assert http.submit(answer, "Send", telescopes="23").status_code == 303


def test_an_edit_sends_only_what_was_edited(url: str, client: Client, observe: Observe) -> None:
    made = observe(node="before", options={"a": [1, {"b": "c"}]})
    http = Browser(url, "service")
    page = http.get(f"/atdb/observations/{made.id}/")
    client.change_observation(made.id, node="by another")
    answer = http.submit(page, "Save", priority="7", reason="urgent", field_name="")
    assert answer.headers["Location"] == f"/atdb/observations/{made.id}/"
    now = client.observation(made.taskID)
    assert (now.priority, now.node, now.field_name) == (7, "by another", made.field_name)
    (change,) = httpx.get(f"{url}/atdb/changes/?actor=service", auth=ADMIN).json()["results"]
    assert change["fields"] == {"priority": [0, 7]}
    assert change["reason"] == "urgent"


def test_an_edit_that_failed_can_be_mended(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "service")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Save", node="x", endtime="2020-01-01T00:00:00Z")
    assert answer.status_code == 400
    assert "the end is not after the start" in answer.text
    assert forms(answer)["Save"].fields["node"] == "x"
    assert http.submit(answer, "Save", endtime=forms(page)["Save"].fields["endtime"]).status_code == 303
    assert client.observation(made.taskID).node == "x"


@pytest.mark.parametrize("status", [Status.DEFINED, Status.CHECKING, Status.ON_HOLD, Status.INGEST_ERROR])
def test_the_move_form_offers_what_may_follow(url: str, observe: Observe, status: Status) -> None:
    made = observe(status)
    held_from = Status.DEFINED if status is Status.ON_HOLD else None
    page = Browser(url, "service").get(f"/atdb/observations/{made.id}/")
    assert set(forms(page)["Move"].choices["new_status"]) - {""} == allowed_next(status, held_from)
    assert "force" not in forms(page)["Move"].unchecked


def test_a_move_by_a_form_is_in_the_history(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "service")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Move", new_status="on hold", reason="wind")
    assert http.follow(answer).status_code == 200
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.actor, last.reason, last.forced) == ("on hold", "service", "wind", False)


def test_a_move_that_is_refused_shows_what_may_follow_now(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "service")
    page = http.get(f"/atdb/observations/{made.id}/")
    client.move(made.taskID, Status.ABORTED)
    answer = http.submit(page, "Move", new_status="scheduled", reason="please")
    assert answer.status_code == 409
    assert f"Cannot move {made.taskID} from aborted to scheduled. Allowed: none." in answer.text
    assert "Move" not in forms(answer)


def test_an_operator_forces_a_move_with_a_reason(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    page = http.get(f"/atdb/observations/{made.id}/")
    answer = http.submit(page, "Move", new_status="archived", force="true")
    assert answer.status_code == 400
    assert "a forced move requires a reason" in answer.text
    form = forms(answer)["Move"]
    assert (form.fields["new_status"], form.fields["force"]) == ("archived", "true")
    assert http.submit(answer, "Move", reason="found it there").status_code == 303
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.reason, last.forced) == ("archived", "found it there", True)


def test_a_data_product_is_moved_by_a_form(url: str, observe: Observe) -> None:
    (product,) = observe(products=1).generated_dataproducts
    http = Browser(url, "service")
    page = http.get(f"/atdb/dataproducts/{product}/")
    assert set(forms(page)["Move"].choices["new_status"]) == {"", "valid", "invalid"}
    page = http.follow(http.submit(page, "Move", new_status="invalid"))
    assert set(forms(page)["Move"].choices["new_status"]) == {"", "valid"}


def test_an_observation_is_deleted_by_a_form(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    answer = http.submit(http.get(f"/atdb/observations/{made.id}/"), "Delete it")
    assert http.follow(answer).url.path == "/atdb/observations/"
    assert not list(client.observations())


def test_a_token_is_made_and_deleted_on_pages(url: str) -> None:
    http = Browser(url, "viewer")
    made = http.submit(http.get("/atdb/tokens/"), "Send", name="my script", days="30")
    assert made.status_code == 201
    assert "atdb_" in made.text
    page = http.get("/atdb/tokens/")
    assert "my script" in page.text
    assert "my script" not in http.follow(http.submit(page, "Delete")).text


def test_many_are_changed_by_forms(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    ask = {"filters": '{"my_status": "defined"}', "change": '{"new_status": "scheduled"}'}
    preview = http.submit(http.get("/atdb/observations/bulk/"), "Send", **ask)
    assert preview.status_code == 200
    token = unescape(preview.text).partition('"token": "')[2][:64]
    assert http.submit(preview, "Send", **ask, token=token).status_code == 200
    assert client.observation(made.taskID).my_status is Status.SCHEDULED


@pytest.mark.parametrize("token", [{}, {"csrf_token": "wrong"}, {"csrf_token": ""}])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_without_the_sessions_token_nothing_is_done(
    url: str, client: Client, observe: Observe, method: str, token: dict[str, str]
) -> None:
    made = observe()
    http = Browser(url, "operator")
    address = "/atdb/observations/" if method == "POST" else f"/atdb/observations/{made.id}/?_method={method}"
    answer = http.post(address, data={**SPECIFICATION, "duration": "60", "node": "forged", **token})
    assert answer.status_code == 403
    assert "forged" not in answer.text
    assert forms(answer).keys() == {"Log out"}
    assert list(client.observations()) == [made]


def test_a_form_of_another_site_does_nothing(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    http = Browser(url, "operator")
    address = f"/atdb/observations/{made.id}/?_method=DELETE"
    fields = forms(http.get(address.partition("?")[0]))["Delete it"].fields
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert http.post(address, data=fields, headers=headers).status_code == 403
    assert list(client.observations()) == [made]
    assert http.post(address, data=fields).status_code == 303


def test_only_a_form_in_a_session_means_another_method(url: str, client: Client, observe: Observe) -> None:
    made = observe()
    address = f"/atdb/observations/{made.id}/?_method=DELETE"
    http = Browser(url, "operator")
    token = forms(http.get("/atdb/"))["Log out"].fields["csrf_token"]
    assert http.post(address, json={}, headers={"X-CSRF-Token": token}).status_code == 405
    assert http.get(address).status_code == 400
    assert (
        http.post(address, data={"csrf_token": token}, auth=("operator", SECRETS["operator"])).status_code == 405
    )
    assert httpx.post(url + address, data={"x": "y"}, auth=ADMIN).status_code == 405
    assert httpx.post(url + address, data={"x": "y"}).status_code == 405
    for method in ("GET", "PUT", "TRACE", "delete"):
        answer = http.post(f"/atdb/observations/{made.id}/?_method={method}", data={"csrf_token": token})
        assert answer.status_code == 405
    assert list(client.observations()) == [made]


def test_a_form_of_a_program_is_not_read(url: str, client: Client) -> None:
    answer = httpx.post(f"{url}/atdb/observations/", data={**SPECIFICATION, "duration": "60"}, auth=ADMIN)
    assert answer.status_code == 415
    assert not list(client.observations())


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
