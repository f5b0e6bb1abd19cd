"""The table of tasks: filters, orderings, pages, and its automatic updates."""

import re
from collections.abc import Callable

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import text

from atdb_api.gui.tasks.task_address import parameters
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.gui.conftest import Open, statements_of

Observe = Callable[..., Observation]


def row(page: Page, task: Observation) -> str:
    return f'tr[data-part="{task.taskID}"]'


def listed(page: Page) -> Locator:
    return page.locator("tbody .id")


def set_sizes(app: Flask, task: Observation, size: int) -> None:
    with app.extensions["atdb_engine"].begin() as connection:
        products = text("update dataproducts set size = :size where task_id = :task_id")
        connection.execute(products, {"size": size, "task_id": task.taskID})


def test_a_person_logs_in_and_comes_to_the_page_that_was_wanted(open_as: Open, observe: Observe) -> None:
    made = observe()
    page = open_as(None, "/tasks/?my_status=defined")
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill(SECRETS["operator"])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"/tasks/\?my_status=defined$"))
    expect(listed(page)).to_have_text([made.taskID])
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_newest_comes_first_and_shows_what_it_is(open_as: Open, app: Flask, observe: Observe) -> None:
    first, second = observe(products=2, name="M31"), observe(Status.VALID, observing_mode="arts_sc4_survey")
    set_sizes(app, first, 1_500_000_000)
    page = open_as("viewer", "/")
    expect(page).to_have_url(re.compile(r"/tasks/$"))
    expect(listed(page)).to_have_text([second.taskID, first.taskID])
    cells = page.locator(row(page, first)).locator("td").all_inner_texts()
    assert cells[:7] == [first.taskID, "imaging", "M31", "defined", "2026-04-05 06:00", "06:05", "3.0 GB"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("my_status=valid", ["valid"]),
        ("my_status=valid&my_status=on+hold", ["valid", "on hold"]),
        ("my_status__in=valid,on hold", ["valid", "on hold"]),
        ("observing_mode=arts_sc4_survey", ["on hold"]),
        ("name__startswith=M3", ["valid"]),
        ("data_host=arts001", ["on hold"]),
        ("size__gte=2 kB", ["valid"]),
        ("size__gte=1&size__lte=5000", ["valid"]),
        ("starttime__gte=2026-04-05T06:15", ["on hold"]),
        ("overdue=true", ["on hold"]),
        ("my_status=valid&overdue=true", []),
        ("priority__gt=3", ["removed"]),
    ],
)
def test_filters_stand_in_the_address(
    open_as: Open, app: Flask, observe: Observe, query: str, expected: list[str]
) -> None:
    observe(Status.REMOVED, priority=7)
    set_sizes(app, observe(Status.VALID, products=2, name="M31"), 2000)
    observe(Status.ON_HOLD, observing_mode="arts_sc4_survey", starttime="2026-04-05T06:20:00Z")
    with app.extensions["atdb_engine"].begin() as connection:
        connection.execute(text("update observations set status_since = '2026-01-01' where status = 'on hold'"))
    page = open_as("viewer", f"/tasks/?{query}")
    statuses = page.locator("tbody .status").all_inner_texts()
    assert sorted(statuses) == sorted(expected)


@pytest.mark.parametrize(
    ("pairs", "meant"),
    [
        ([("name", "M31, north"), ("name", "b\\")], {"name__in": r"M31\, north,b\\"}),
        ([("name", "M31, north")], {"name": "M31, north"}),
        ([("name__in", r"M31\, north"), ("name__in", "b")], {"name__in": r"M31\, north,b"}),
        (
            [("my_status", "valid"), ("my_status", "on hold"), ("my_status__in", "removed")],
            {"my_status__in": "valid,on hold,removed"},
        ),
    ],
)
def test_a_filter_that_occurs_several_times_is_a_list(pairs: list[tuple[str, str]], meant: dict[str, str]) -> None:
    assert parameters(pairs) == meant
    with pytest.raises(BadRequest, match="starttime__gte is given twice"):
        parameters([*pairs, ("starttime__gte", "2026-04-05"), ("starttime__gte", "2026-04-06")])


def test_the_filter_form_makes_such_an_address_and_a_chip_undoes_it(open_as: Open, observe: Observe) -> None:
    observe(), observe(Status.VALID), observe(Status.VALID, observing_mode="arts_sc1_timing")
    page = open_as("viewer", "/tasks/")
    page.locator("details.filters > summary").click()
    page.get_by_label("Mode").select_option("arts_sc1_timing")
    page.locator("fieldset").get_by_label("valid", exact=True).check()
    page.get_by_role("button", name="Filter").click()
    expect(listed(page)).to_have_count(1)
    expect(page.locator("fieldset").get_by_label("valid", exact=True)).to_be_checked()
    page.get_by_label("Remove observing_mode arts_sc1_timing").click()
    expect(page).to_have_url(re.compile(r"/tasks/\?my_status=valid$"))
    expect(listed(page)).to_have_count(2)


def test_a_filter_that_cannot_be_read_says_so(open_as: Open) -> None:
    page = open_as("viewer", "/tasks/?size__gte=much")
    expect(page.get_by_role("alert")).to_contain_text("size__gte")
    page = open_as("viewer", "/tasks/?nothing=1")
    expect(page.get_by_role("alert")).to_contain_text("nothing")


@pytest.mark.parametrize("head", ["TaskID", "Mode", "Name", "Status", "Start", "Stop", "Size", "Time in status"])
def test_pages_lead_through_all_tasks_once_whatever_the_order(
    url: str, client: Client, observe: Observe, head: str
) -> None:
    made = {observe(name=f"M{n % 7}").taskID for n in range(52)}
    with httpx.Client(base_url=url, auth=("viewer", SECRETS["viewer"]), headers={"Accept": "text/html"}) as http:
        page = http.get("/tasks/").text
        ordering = re.search(rf'<th scope="col"[^>]*><a href="(\?[^"]*)">{head}</a>', page)
        assert ordering
        address, seen = f"/tasks/{ordering[1].replace('&amp;', '&')}", []
        for relation in ("next", "prev"):
            text_ = http.get(address).text
            seen.append(re.findall(r'data-part="(\d+)"', text_))
            match = re.search(rf'rel="{relation}" href="([^"]+)"', text_)
            assert match, relation
            address = f"/tasks/{match[1].replace('&amp;', '&')}"
        again = re.findall(r'data-part="(\d+)"', http.get(address).text)
    assert [len(part) for part in seen] == [50, 2]
    assert {*seen[0], *seen[1]} == made
    assert again == seen[0]


def test_a_row_follows_its_task_and_keeps_its_selection_focus_and_place(
    open_as: Open, client: Client, observe: Observe
) -> None:
    made = [observe() for _ in range(40)]
    watched = made[0]
    page = open_as("operator", "/tasks/", viewport={"width": 1280, "height": 500})
    page.locator(row(page, watched)).get_by_role("checkbox").check()
    page.locator(row(page, watched)).get_by_role("link", name="Cancel").focus()
    page.mouse.wheel(0, 300)
    page.wait_for_function("scrollY > 200")
    place = page.evaluate("scrollY")
    client.move(watched.taskID, Status.SCHEDULED)
    client.move(watched.taskID, Status.STARTING)
    expect(page.locator(row(page, watched)).locator(".status")).to_have_text("starting")
    assert page.locator(row(page, watched)).get_by_role("checkbox").is_checked()
    assert page.evaluate("document.activeElement.ariaLabel") == f"Cancel {watched.taskID}"
    assert page.evaluate("scrollY") == place
    assert page.locator(row(page, watched)).get_by_role("link").all_inner_texts() == [watched.taskID, "Cancel"]


def test_a_new_task_appears_and_one_that_no_longer_matches_goes(
    open_as: Open, client: Client, observe: Observe
) -> None:
    first = observe()
    page = open_as("viewer", "/tasks/?my_status=defined")
    second = observe()
    expect(page.locator("tbody .id").first).to_have_text(second.taskID)
    client.move(first.taskID, Status.SCHEDULED)
    expect(page.locator(row(page, first))).to_have_count(0)
    expect(listed(page)).to_have_text([second.taskID])


def test_the_second_page_announces_new_tasks(open_as: Open, observe: Observe) -> None:
    for _ in range(51):
        observe()
    page = open_as("viewer", "/tasks/")
    page.get_by_role("link", name="next").click()
    expect(listed(page)).to_have_count(1)
    made = observe()
    page.get_by_role("link", name="1 new").click()
    expect(page.locator("tbody .id").first).to_have_text(made.taskID)


def test_progress_is_shown_while_it_is_reported(open_as: Open, client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=600)
    page = open_as("viewer", "/tasks/")
    client.renew(made.taskID, "ingest/run 1", 600, done_bytes=250, total_bytes=1000)
    expect(page.locator(row(page, made)).locator(".progress-of")).to_contain_text("25 %")
    expect(page.locator(row(page, made)).locator(".progress-of")).to_contain_text("left")
    client.renew(made.taskID, "ingest/run 1", 600, trouble="the archive answers 503")
    expect(page.locator(row(page, made)).locator(".progress-of")).to_contain_text("the archive answers 503")


def test_the_page_says_when_atdb_cannot_be_reached_and_when_it_is_back(open_as: Open, observe: Observe) -> None:
    observe()
    page = open_as("viewer", "/tasks/")
    away = True

    def answer(route: Route) -> None:
        if away:
            route.abort()
        else:
            route.continue_()

    page.route("**/tasks/rows/*", answer)
    expect(page.locator("#live")).to_contain_text(re.compile(r"not live since \d\d:\d\d:\d\d UTC"))
    away = False
    expect(page.locator("#live")).to_have_text("live")


def test_a_hidden_page_sends_no_requests(open_as: Open, observe: Observe) -> None:
    observe()
    page = open_as("viewer", "/tasks/")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if "/rows/" in request.url else None)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true}); "
    page.evaluate(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(2500)
    assert urls == []
    page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(urls) == 1


@pytest.mark.parametrize(
    "path", ["/tasks/", "/tasks/?overdue=true&ordering=size", "/tasks/{}/", "/tasks/{}/parts/"]
)
def test_a_page_takes_ten_statements_at_most_and_no_more_for_more_tasks(
    url: str, app: Flask, client: Client, observe: Observe, path: str
) -> None:
    made = observe(Status.VALID, products=3)
    statements = statements_of(app)
    with httpx.Client(base_url=url) as http:
        http.post("/atdb/login/", json={"name": "operator", "password": SECRETS["operator"]})
        counts = []
        for _ in range(2):
            statements.clear()
            assert http.get(path.format(made.taskID)).status_code == 200
            counts.append(len(statements))
            for _ in range(5):
                observe(products=2)
    assert counts[0] <= 10, statements
    assert counts[1] == counts[0]


def test_hostile_words_stay_words(open_as: Open, client: Client, observe: Observe) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    made = observe(name=hostile)
    client.act(made.taskID, Action.HOLD, reason=hostile)
    page = open_as("operator", f"/tasks/?name={hostile}")
    expect(listed(page)).to_have_text([made.taskID])
    page.get_by_role("link", name=made.taskID, exact=True).click()
    expect(page.locator("table.plain").first).to_contain_text(hostile)
    assert page.locator("main img").count() == 0
