"""The page of a night report: the same for all users at all times, self-contained, and safe."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request, expect

from atdb_api.gui.night_report import style
from atdb_api.gui.night_report.document import render
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.night_reports import NightReport
from tests import night_reports
from tests.conftest import SECRETS
from tests.gui.conftest import Open
from tests.gui.test_access import DESKTOP, PHONE, look

#: The position and the colours of each element.
LOOKS = """() => [...document.querySelectorAll("body *")].map(element => {
  const { x, y, width, height } = element.getBoundingClientRect();
  const { color, backgroundColor, fill, font } = getComputedStyle(element);
  return [element.tagName, x, y, width, height, color, backgroundColor, fill, font];
})"""
REPORTS = {"empty": night_reports.empty, "busy": night_reports.busy, "terrible": night_reports.terrible}
PATH = f"/reports/{night_reports.NIGHT}/"


def read(url: str, role: str | None, path: str = PATH) -> httpx.Response:
    auth = (role, SECRETS[role]) if role else None
    return httpx.get(url + path, auth=auth, headers={"Accept": "text/html"})


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_the_same_for_all_users_and_every_time(url: str, client: Client, name: str) -> None:
    client.store_night_report(REPORTS[name]())
    pages = {read(url, role).content for role in SECRETS for _ in range(2)}
    assert len(pages) == 1
    assert pages == {render(REPORTS[name]()).encode()}


def test_the_page_stays_the_same_after_edits_of_what_it_reports(
    url: str, client: Client, observe: Any, app: Flask
) -> None:
    made = observe(Status.VALID)
    report = night_reports.busy()
    rows = [row.model_copy(update={"taskID": made.taskID, "name": made.name}) for row in report.observed]
    client.store_night_report(report.model_copy(update={"observed": rows}))
    before = read(url, "viewer").content
    client.change_observation(made.id, name="another name", reason="tests")
    client.move(made.taskID, Status.INGESTING)
    app.config["AIRFLOW_URL"] = "http://airflow.example"
    assert read(url, "operator").content == before


def test_equal_reports_have_equal_pages_whichever_way_they_were_read() -> None:
    report = night_reports.terrible()
    assert render(NightReport.model_validate_json(report.model_dump_json())) == render(report)


def test_one_data_host_and_one_failure_are_written_in_the_singular() -> None:
    report = night_reports.busy()
    alone = {"observed": report.observed[:1], "failures": report.failures[:1]}
    page = render(report.model_copy(update=alone))
    about = re.search(r'<desc id="timeline-about">([^<]*)', page)
    assert about
    assert re.match(r"1 data host, 1 failure\. ", about[1]), about[1]


def test_who_is_not_logged_in_is_led_to_the_login_and_sees_nothing_of_the_report(url: str, client: Client) -> None:
    client.store_night_report(night_reports.busy())
    for path in (PATH, "/reports/"):
        answer = read(url, None, path)
        assert answer.status_code == 401
        assert "Log in" in answer.text
        assert "3C196" not in answer.text
        assert str(night_reports.NIGHT) not in answer.text.replace(PATH, "")


@pytest.mark.parametrize("path", [str(night_reports.NIGHT), "yesterday", "%00", "?page=2", "?page=x"])
def test_a_report_that_is_not_there_is_not_found(url: str, path: str) -> None:
    assert read(url, "viewer", f"/reports/{path}").status_code == 404


def test_the_page_has_a_tag(url: str, client: Client) -> None:
    client.store_night_report(night_reports.busy())
    tag = read(url, "viewer").headers["ETag"]
    again = httpx.get(url + PATH, auth=("viewer", SECRETS["viewer"]), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(url: str, client: Client) -> None:
    client.store_night_report(night_reports.busy())
    policy = read(url, "viewer").headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src '{style.HASH}'; frame-ancestors ")
    assert read(url, "viewer", "/reports/").headers["Content-Security-Policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_names_no_other_address_and_has_no_script_style_attribute_or_form(name: str) -> None:
    page = render(REPORTS[name]())
    assert set(re.findall(r'<a [^>]*href="(?!\.\./)[^"]*"', page)) == set()
    assert re.findall(r'<link[^>]*href="([^"]*)"', page) == ["data:,"]
    for forbidden in ("<script", "<form", "<iframe", "<img", "<image", "<use", "@import", "url(", "<base"):
        assert forbidden not in page.lower()
    assert not re.search(r"<[^>]* (style|on\w+|src|srcset|xlink:href)=", page)


def fetched(page: Page) -> list[str]:
    urls: list[str] = []

    def note(request: Request) -> None:
        urls.append(request.url)

    page.on("request", note)
    return urls


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", REPORTS)
def test_the_served_page_fetches_nothing_and_nothing_stands_in_the_way(
    open_as: Open, client: Client, url: str, name: str, scheme: Any, viewport: Any
) -> None:
    client.store_night_report(REPORTS[name]())
    page = open_as("viewer", "/reports/", viewport=viewport, color_scheme=scheme, bypass_csp=True)  # for axe
    page.wait_for_load_state("networkidle")
    requests = fetched(page)
    page.get_by_role("link", name=str(night_reports.NIGHT)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Night of {night_reports.NIGHT}")
    page.wait_for_load_state("networkidle")
    assert requests == [url + PATH]
    look(page)
    for unfold in page.locator("summary").all():
        unfold.click()
    look(page)


def test_the_style_applies_under_the_policy(open_as: Open, client: Client) -> None:
    client.store_night_report(night_reports.busy())
    colours = set()
    for scheme in ("light", "dark"):
        page = open_as("viewer", PATH, color_scheme=scheme)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.locator(".fill-done").first.evaluate("bar => getComputedStyle(bar).fill") != "rgb(0, 0, 0)"
    assert colours == {"rgb(246, 247, 249)", "rgb(17, 21, 27)"}


def test_a_saved_page_looks_as_the_served_one(
    chromium: Browser, open_as: Open, client: Client, url: str, tmp_path: Path
) -> None:
    client.store_night_report(night_reports.busy())
    saved = tmp_path / "report.html"
    saved.write_bytes(read(url, "viewer").content)
    context = chromium.new_context(viewport=DESKTOP, offline=True)
    page = context.new_page()
    requests = fetched(page)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(saved.as_uri())
    assert (requests, messages) == ([saved.as_uri()], [])
    from_disk = page.evaluate(LOOKS)
    context.close()
    assert len(from_disk) > 1000
    assert from_disk == open_as("viewer", PATH, viewport=DESKTOP).evaluate(LOOKS)


def test_hostile_names_and_reasons_are_text_that_can_be_seen(open_as: Open, client: Client) -> None:
    client.store_night_report(night_reports.terrible())
    page = open_as("viewer", PATH)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.reload()
    reason = page.locator(".reason", has_text="<script>alert(1)</script>")
    expect(reason).to_have_count(1)
    expect(reason).to_contain_text("⟨U+202E⟩evil⟨U+2066⟩⟨U+200F⟩⟨U+0000⟩")
    expect(reason).to_contain_text("{{7*7}}{% raw %}</style></svg></title>--><!--")
    expect(reason).to_contain_text("&lt;b&gt;")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", page.content())
    assert page.locator("script, img, iframe").count() == 0
    assert page.title() == f"Night report {night_reports.NIGHT} · ATDB"
    assert dialogs == []


def test_the_page_says_what_failed_why_and_the_outcome(open_as: Open, client: Client) -> None:
    client.store_night_report(night_reports.busy())
    page = open_as("viewer", PATH)
    expect(page.locator(".verdict")).to_contain_text("45 observations, 4.7 TB;")
    expect(page.locator(".verdict")).to_contain_text("7 failures (2 causes), 3 observations unresolved;")
    expect(page.locator(".verdict")).to_contain_text(
        "arts001 is expected to be full on 2026-04-07 20:00, 1 more disk within 14 days."
    )
    archive = page.locator(".causes > li").first
    expect(archive).to_contain_text("the archive did not respond (5 attempts) (first of 6)")
    expect(archive).to_contain_text("2 unresolved: 260405015, 260405016")
    expect(archive).to_contain_text("4 now archived: 260405011, 260405012, 260405013, 260405014")
    expect(page.get_by_role("img", name="Observations by data host, and failures")).to_be_visible()
    expect(page.get_by_role("img", name="Bytes validated, archived and removed, by data host")).to_be_visible()
    of_disk = "Free space expected on wcudata1: 16.9 TB now, none left on 2026-04-11 20:00"
    expect(page.get_by_role("img", name=of_disk)).to_be_visible()
    expect(page.get_by_role("row", name="ingest error 2")).to_contain_text("6 h 05")
    assert page.get_by_role("link", name="260405021").first.get_attribute("href") == "../../tasks/260405021/"


def test_an_empty_report_says_so(open_as: Open, client: Client) -> None:
    client.store_night_report(night_reports.empty())
    page = open_as("viewer", PATH)
    expect(page.locator(".verdict")).to_contain_text("Nothing was observed; no failures.")
    for text in ("Nothing failed.", "No observation is waiting.", "No stage finished any work during the night."):
        expect(page.get_by_text(text)).to_be_visible()


def test_the_list_shows_the_newest_night_first_in_pages(
    open_as: Open, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_as("viewer", "/reports/")
    expect(page.locator("main")).to_contain_text("No report has been stored.")
    monkeypatch.setattr("atdb_api.reads.report_list.PAGE_SIZE", 2)
    for make, day in zip(REPORTS.values(), range(5, 8), strict=True):
        client.store_night_report(make(night_reports.NIGHT.replace(day=day)))
    page.reload()
    expect(page.locator("tbody tr td:first-child")).to_have_text(["2026-04-07", "2026-04-06"])
    expect(page.locator("tbody tr").first).to_contain_text("1200 4.7 TB")
    expect(page.locator("tbody tr").first).to_contain_text("100")
    expect(page.locator("tbody tr").first.locator("td").last).to_have_text("admin")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr td:first-child")).to_have_text(["2026-04-05"])
    expect(page.get_by_role("link", name="Newer")).to_be_visible()
