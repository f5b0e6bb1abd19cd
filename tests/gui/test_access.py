"""The pages are accessible: axe-core finds nothing serious, they fit on a phone, and a keyboard is enough."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, ViewportSize, expect

from atdb_interface.client import Client
from atdb_interface.disks import DiskUsage
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from tests import night_reports
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
PHONE: ViewportSize = {"width": 375, "height": 812}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
#: The most presses of Tab from the top of a page to its last control.
MOST_TABS = 150


@pytest.fixture
def tasks(client: Client, observe: Observe) -> dict[str, str]:
    """A task in each status for which pages look different, and content in every part of every page."""
    statuses = (Status.DEFINED, Status.VALID, Status.REMOVED, Status.ABORTED, Status.ON_HOLD, Status.INGEST_ERROR)
    made: dict[str, str] = {status: observe(status, products=2).taskID for status in statuses}
    working = observe(Status.VALID, products=2).taskID
    client.move(working, Status.INGESTING, owner="ingest/run 1", lease_seconds=600)
    client.renew(working, "ingest/run 1", 600, done_bytes=1, total_bytes=4, trouble="the archive does not respond")
    now = datetime.now(UTC)
    for minutes, status in ((-2, Status.RUNNING), (-1, Status.STARTING), (2, Status.SCHEDULED)):
        observe(status, starttime=(now + timedelta(minutes=minutes)).isoformat())
    client.change_stage(Actor.REMOVE, paused=True, reason="storm", slots=2, delay_seconds=3600)
    client.sign_of_life("listen", statuses=[Status.VALID])
    client.report_disk(DiskUsage(data_host="wcudata1", total_bytes=100, free_bytes=4))
    client.raise_events([NewEvent(key=kind, kind=kind, taskID=working, detail="it is") for kind in EventKind])
    client.store_night_report(night_reports.busy())
    return {**made, Status.INGESTING: working}


def look(page: Page) -> None:
    """Check a page in its present state."""
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [
        (each["id"], [node["html"][:150] for node in each["nodes"][:3]])
        for each in violations
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_serious_stands_in_anybodys_way(
    open_as: Open, tasks: dict[str, str], scheme: Any, viewport: Any
) -> None:
    page = open_as("operator", "/tasks/", viewport=viewport, color_scheme=scheme)
    for path in (
        "/tasks/",
        "/tasks/?my_status=valid&ordering=size",
        *(f"/tasks/{task_id}/" for task_id in tasks.values()),
        f"/tasks/{tasks[Status.INGEST_ERROR]}/?action=hold",
        "/tasks/bulk/",
        "/tasks/of-run/?dag=ingest&run=1",
        "/tasks/1/",
        "/night/",
        "/plan/",
        "/flow/",
        "/services/",
        "/services/ingest/",
        "/services/remove/",
        "/deletion/",
        "/reports/",
        "/atdb/",
    ):
        page.goto(path)
        look(page)
    page.goto("/tasks/")
    page.get_by_text("Filters", exact=True).click()
    look(page)
    page.locator("[data-act]").first.click()
    look(page)
    page.goto("/tasks/")
    page.get_by_label("that match, not only the selected").check()
    page.locator("#bulk-action").select_option("hold")
    page.locator("#bulk-reason").fill("storm")
    page.get_by_role("button", name="Preview").click()
    look(page)
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Done: hold")
    look(page)
    look(open_as(None, "/atdb/login/", viewport=viewport, color_scheme=scheme))


def tab_to(page: Page, control: Locator) -> None:
    """Press Tab until a control has the focus, and check that this is visible."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if control.evaluate("control => control === document.activeElement"):
            assert control.evaluate("control => control.matches(':focus-visible')")
            return
    pytest.fail(f"{control} cannot be reached by Tab")


def test_a_task_of_the_table_is_held_with_keys_alone(open_as: Open, client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    page = open_as("operator", "/tasks/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab_to(page, page.get_by_role("link", name=f"Hold {task_id}"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("storm")
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("hold done")
    assert client.observation(task_id).my_status is Status.ON_HOLD


def test_selected_tasks_are_cancelled_with_keys_alone(open_as: Open, client: Client, observe: Observe) -> None:
    task_id, other = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    page = open_as("operator", "/tasks/")
    tab_to(page, page.locator(f'input[name="task"][value="{task_id}"]'))
    page.keyboard.press("Space")
    tab_to(page, page.locator("#bulk-action"))
    page.keyboard.type("cancel")
    tab_to(page, page.locator("#bulk-reason"))
    page.keyboard.type("storm")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview: cancel 1 observation?")
    tab_to(page, page.get_by_role("button", name="Cancel 1 observation"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Done: cancel")
    assert client.observation(task_id).my_status is Status.ABORTED
    assert client.observation(other).my_status is Status.VALID


def test_a_task_is_retried_on_its_page_with_keys_alone(open_as: Open, client: Client, observe: Observe) -> None:
    task_id = observe(Status.INGEST_ERROR).taskID
    page = open_as("operator", f"/tasks/{task_id}/")
    tab_to(page, page.get_by_role("link", name="Retry"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Retry"))
    page.keyboard.press("Enter")
    expect(page.locator(".task-head")).to_contain_text("valid")
    assert client.observation(task_id).my_status is Status.VALID


def test_without_a_script_the_form_has_the_focus_too(open_as: Open, client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    page = open_as("operator", "/tasks/", java_script_enabled=False)
    page.get_by_role("link", name=f"Hold {task_id}").press("Enter")
    page.get_by_role("heading", name=f"Hold {task_id}?").wait_for()
    expect(page.locator("[autofocus]")).to_be_focused()
    page.keyboard.type("storm")
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("hold done")
    assert client.observation(task_id).my_status is Status.ON_HOLD


def test_an_action_is_left_with_the_escape_key(open_as: Open, client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    page = open_as("operator", f"/tasks/{task_id}/")
    tab_to(page, page.get_by_role("link", name="Cancel"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()
    assert client.observation(task_id).my_status is Status.VALID


def test_a_stage_is_paused_with_keys_alone(open_as: Open, client: Client) -> None:
    page = open_as("operator", "/services/")
    tab_to(page, page.get_by_role("link", name="Pause ingest"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason (required)")).to_be_focused()
    page.keyboard.type("storm")
    page.keyboard.press("Enter")
    expect(page.locator("#message")).to_contain_text("ingest is paused")
    assert [each.stage for each in client.stages() if each.paused] == [Actor.INGEST]


def test_a_group_is_retried_with_keys_alone(open_as: Open, client: Client, observe: Observe) -> None:
    task_ids = [observe(Status.INGEST_ERROR).taskID for _ in range(3)]
    page = open_as("operator", "/night/")
    tab_to(page, page.get_by_role("button", name="Retry 3"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview: retry 3 observations?")
    tab_to(page, page.get_by_role("button", name="Retry 3 observations"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Done: retry")
    assert {client.observation(task_id).my_status for task_id in task_ids} == {Status.VALID}


def test_a_status_of_the_drawing_is_chosen_with_keys_alone(open_as: Open, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    page = open_as("viewer", "/flow/")
    tab_to(page, page.get_by_role("link", name="valid: 1 observation"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=task_id, exact=True)).to_be_visible()
