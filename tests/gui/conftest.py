"""A real browser on a served ATDB. Console messages of a page and violations of its CSP fail the test."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from sqlalchemy import event

from atdb_api.rest.auth import COOKIE
from tests.conftest import SECRETS

CHROMIUM = "/usr/bin/chromium"
#: A refusal that a test provokes is not an error of the page.
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d|net::ERR_FAILED")
Open = Callable[..., Page]


def require_chromium() -> None:
    """Skip tests that need a browser if `make test` could not install one."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}")


def statements_of(app: Flask) -> list[str]:
    """Return a list to which each database statement from now on is added, without settings of transactions."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        if not given[2].startswith("set local "):
            statements.append(given[2])

    event.listen(app.extensions["atdb_engine"], "before_cursor_execute", note)
    return statements


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser of these tests. It closes after them, because its event loop would disturb other tests."""
    require_chromium()
    expect.set_options(timeout=8000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_as(chromium: Browser, url: str) -> Iterator[Open]:
    """Open a page in a new browser, logged in with a role: `open_as("operator", "/tasks/")`."""
    contexts, messages = [], []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.search(message.text):
            messages.append(message.text)

    def make(role: str | None, path: str, **context: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **context}
        contexts.append(chromium.new_context(base_url=url, **settings))
        if role:
            login = httpx.post(f"{url}/atdb/login/", json={"name": role, "password": SECRETS[role]})
            contexts[-1].add_cookies([{"name": COOKIE, "value": login.cookies[COOKIE], "url": url}])
        page = contexts[-1].new_page()
        page.set_default_timeout(8000)
        page.on("console", note)
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert messages == []
