"""Chromium logs in to ATDB and to Airflow, through nginx."""

from playwright.sync_api import expect, sync_playwright

from standalone.credentials import Credentials
from tests.gui.conftest import CHROMIUM, require_chromium

PATIENCE_MS = 60_000


def log_in_to_both(url: str, credentials: Credentials) -> None:
    """Log in as people do; raises AssertionError where a page does not appear."""
    require_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(ignore_https_errors=True)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{url}/tasks/")
        page.get_by_label("Name").fill("operator")
        page.get_by_label("Password").fill(credentials.atdb["operator"])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()
        page.goto(f"{url}/airflow/")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(credentials.airflow_ui["admin"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Dags").first).to_be_visible()
        chromium.close()
