"""Log a browser in to ATDB's pages and to Airflow's, as users do."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, expect, sync_playwright

from standalone.credentials import Credentials
from tests.gui.conftest import CHROMIUM, require_chromium

#: Airflow's pages are large, and this machine runs the whole stack besides the browser.
PATIENCE_MS = 60_000


@contextmanager
def logged_in_to_both(atdb_url: str, airflow_url: str, credentials: Credentials) -> Iterator[BrowserContext]:
    """Log in as an operator; raises AssertionError if a page does not appear."""
    require_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(
            viewport={"width": 1400, "height": 1000}, reduced_motion="reduce", ignore_https_errors=True
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{atdb_url}/tasks/")
        page.get_by_label("Name").fill("operator")
        page.get_by_label("Password").fill(credentials.atdb["operator"])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()
        page.goto(airflow_url)
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(credentials.airflow_ui["admin"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Dags").first).to_be_visible()
        page.close()
        yield context
        context.close()
        chromium.close()
