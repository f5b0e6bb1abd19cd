"""Take the screenshots: every page, for a desktop and a phone, light and dark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, Page

from atdb_api.rest.auth import COOKIE
from tests import night_reports
from tests.conftest import SECRETS
from tests.gui.screenshots import palette
from tests.gui.screenshots.observatory import Observatory

WIDTHS = {"desktop": 1280, "phone": 375}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Anything further down looks like what is above it.
MOST_PIXELS = {"desktop": 1000, "phone": 1000}


@dataclass(frozen=True)
class Picture:
    """A page of which to take a screenshot. `do`: the actions on the page before that."""

    name: str
    path: str
    do: Callable[[Page], object] | None = None


def busy(week: Observatory) -> Iterator[Picture]:
    """Return the screenshots of a busy night."""

    def task(name: str, day: int, kind: str, then: str = "") -> Picture:
        return Picture(f"task-{name}", f"/tasks/{week.task_id(day, kind)}/{then}")

    yield Picture("night", "/night/")
    yield Picture("plan", "/plan/")
    yield Picture("tasks", "/tasks/?ordering=-status_since")
    yield Picture(
        "tasks-filters", "/tasks/?my_status=ingest error&my_status=valid&my_status=ingesting", _open_filters
    )
    yield Picture("tasks-action", "/tasks/?my_status=ingest error", _ask_to_hold)
    yield task("running", 0, "field")
    yield task("ingesting", -1, "search 0")
    yield task("ingest-error", -1, "scan 23")
    yield task("action", -1, "scan 20", "?action=hold")
    yield task("removed", -3, "search 1")
    yield Picture("flow", "/flow/")
    yield Picture("services", "/services/")
    yield Picture("services-pause", "/services/ingest/")
    yield Picture("deletion", "/deletion/")
    yield Picture("reports", "/reports/")
    yield Picture("report", f"/reports/{night_reports.NIGHT}/")
    yield Picture("api", "/atdb/observations/?my_status=ingesting")


def many(week: Observatory) -> str:
    """Return the URL of a table with observations that can and cannot be held: scans of one calibrator."""
    name = week.made[-1, "scan 23"].planned.specification["field_name"].partition("_")[0]
    return f"/tasks/?name__startswith={name}&my_status=valid&my_status=aborted&my_status=ingest error"


def _open_filters(page: Page) -> None:
    page.get_by_text("Filters", exact=True).click()


def _ask_to_hold(page: Page) -> None:
    page.locator("[data-act=hold]").first.click()
    page.get_by_role("dialog").get_by_label("Reason").fill("wait for the archive")


class Camera:
    """Takes screenshots of one ATDB's pages into a folder, as a user sees them. `before`: called before each."""

    def __init__(self, chromium: Browser, url: str, folder: Path, *, before: Callable[[], object]) -> None:
        self.chromium, self.url, self.folder, self._before = chromium, url, folder, before
        self._blank = chromium.new_page()

    def take(self, picture: Picture, *, role: str | None = "operator") -> None:
        """Take screenshots in all widths and colour schemes."""
        for kind, width in WIDTHS.items():
            for scheme in SCHEMES:
                context = self.chromium.new_context(
                    base_url=self.url,
                    viewport={"width": width, "height": 800},
                    color_scheme=scheme,
                    locale="en-GB",
                    reduced_motion="reduce",
                )
                self._before()
                if role:
                    login = httpx.post(f"{self.url}/atdb/login/", json={"name": role, "password": SECRETS[role]})
                    context.add_cookies([{"name": COOKIE, "value": login.cookies[COOKIE], "url": self.url}])
                page = context.new_page()
                page.goto(picture.path)
                if picture.do:
                    picture.do(page)
                self._save(page, f"{picture.name}-{kind}-{scheme}", width, MOST_PIXELS[kind])
                context.close()

    def _save(self, page: Page, name: str, width: int, most: int) -> None:
        height = min(page.evaluate("document.documentElement.scrollHeight"), most)
        page.set_viewport_size({"width": width, "height": height})
        picture = page.screenshot(animations="disabled", caret="hide")
        self._blank.goto("about:blank")
        palette.save(self._blank, picture, self.folder / f"{name}.png")


def of_many(page: Page) -> None:
    """Open the preview of an action for all matches."""
    page.get_by_label("that match, not only the selected").check()
    page.get_by_label("Action", exact=True).select_option("hold")
    page.locator("#bulk").get_by_label("Reason").fill("the archive is serviced until noon")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Preview").wait_for()


def of_many_done(page: Page) -> None:
    """Carry out the action, and show the result of each."""
    of_many(page)
    page.get_by_role("button", name=re.compile("Hold [0-9]+ observations")).click()
    page.get_by_role("heading", name="Done").wait_for()
