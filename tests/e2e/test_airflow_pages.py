"""Links from Airflow's pages to ATDB's and back, followed in one browser, as by an operator."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.credentials import Credentials
from standalone.settings import Settings
from tests.e2e.test_stack import run_of, submit, wait_for
from tests.logging_in import logged_in_to_both

pytestmark = pytest.mark.timeout(400)

_SHOW_WITHIN = """address => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.replaceChildren(frame);
}"""


@pytest.fixture
def browser(settings: Settings, credentials: Credentials) -> Iterator[BrowserContext]:
    """A browser in which an operator has logged in to ATDB and to Airflow."""
    with logged_in_to_both(settings.atdb_url, settings.airflow_url, credentials) as context:
        yield context


@pytest.fixture
def page(browser: BrowserContext) -> Page:
    return browser.new_page()


def test_the_tab_of_a_run_shows_its_task_and_the_task_leads_back_to_the_run(
    page: Page, settings: Settings, atdb: Client
) -> None:
    task_id = submit(atdb, "FROM_AIRFLOW")
    wait_for(lambda: atdb.observation(task_id).my_status is Status.REMOVED, 240)
    run_id = run_of(atdb, task_id, "ingest")
    page.goto(f"{settings.airflow_url}/dags/ingest/runs/{quote(run_id, safe='')}")
    name = "ATDB observation"
    page.get_by_role("tab", name=name).or_(page.get_by_role("link", name=name)).first.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=task_id)).to_be_visible()
    expect(frame.get_by_text("operator", exact=True).first).to_be_visible()
    expect(frame.get_by_role("link", name="Log in")).to_have_count(0)
    expect(frame.locator("#live")).to_contain_text("live")
    frame.locator(".runs").get_by_role("link", name="ingest", exact=True).click()
    expect(frame.get_by_text(name).first).to_be_visible()  # Airflow's page of the run, in the same tab
    page.goto(f"{settings.atdb_url}/tasks/{task_id}/")
    page.locator(".runs").get_by_role("link", name="ingest", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape(f"{settings.airflow_url}/dags/ingest/runs/")))
    expect(page.get_by_text(run_id).first).to_be_visible()


def test_an_operator_acts_on_a_task_within_airflow(page: Page, settings: Settings, atdb: Client) -> None:
    task_id = submit(atdb, "WITHIN_AIRFLOW", after_seconds=3600)
    wait_for(lambda: atdb.observation(task_id).my_status is Status.SCHEDULED)
    run_id = run_of(atdb, task_id, "specify")
    page.goto(f"{settings.airflow_url}/dags/specify/runs/{quote(run_id, safe='')}/plugin/atdb_task")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Hold").first.click()
    frame.get_by_label("Reason").first.fill("storm")
    frame.get_by_role("button", name=re.compile("Hold")).first.click()
    expect(frame.locator(".task-head")).to_contain_text("on hold")
    assert atdb.observation(task_id).my_status is Status.ON_HOLD


def test_the_navigation_of_airflow_has_atdb(page: Page, settings: Settings, atdb: Client) -> None:
    task_id = submit(atdb, "IN_THE_LIST", after_seconds=3600)
    page.goto(settings.airflow_url)
    page.get_by_role("link", name="ATDB", exact=True).first.click()
    expect(page).to_have_url(re.compile("/plugin/atdb$"))
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Tasks", level=1)).to_be_visible()
    expect(frame.get_by_role("link", name=task_id, exact=True)).to_be_visible()


def test_a_page_of_another_origin_cannot_show_atdb_within_it(page: Page, settings: Settings) -> None:
    page.goto(f"http://localhost:{settings.airflow_port}/api/v2/version")
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.evaluate(_SHOW_WITHIN, f"{settings.atdb_url}/tasks/")
