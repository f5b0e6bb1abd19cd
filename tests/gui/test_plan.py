"""The plan of a day: the observations with their times, and conflicts at the telescope."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from atdb_api.gui.overviews.timetable import arrange
from atdb_api.reads.telescope import DAY, TelescopeSlot
from atdb_interface.cli.schedule import read_schedule
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.gui.conftest import Open

Observe = Callable[..., Observation]
BEGIN = datetime(2026, 4, 5, tzinfo=UTC)


def slot(
    name: str, start: float, hours: float, status: Status = Status.SCHEDULED, mode: str = "imaging"
) -> TelescopeSlot:
    at = BEGIN + timedelta(hours=start)
    return TelescopeSlot(name, name, mode, status, at, at + timedelta(hours=hours))


def test_what_overlaps_is_found_and_gets_a_lane_of_its_own() -> None:
    table = arrange(BEGIN, [slot("a", 1, 6), slot("b", 2, 1), slot("c", 3, 1), slot("d", 7, 1)])
    assert table.beside == {"a": ["b", "c"], "b": ["a"], "c": ["a"]}
    assert [(bar.slot.name, bar.lane) for bar in table.rows[0].bars] == [("a", 0), ("b", 1), ("c", 1), ("d", 0)]
    assert table.clashes == [(round(2 / 0.24, 3), round(2 / 0.24, 3))]


def test_other_modes_want_the_same_telescope() -> None:
    table = arrange(BEGIN, [slot("a", 1, 2), slot("b", 2, 2, mode="arts_sc4_survey")])
    assert [(row.title, row.lanes) for row in table.rows] == [("arts_sc4", 1), ("imaging", 1)]
    assert table.beside == {"a": ["b"], "b": ["a"]}


@pytest.mark.parametrize("status", [Status.ABORTED, Status.ERROR_TOO_LATE, Status.ERROR_START_OBS])
def test_what_does_not_want_the_telescope_overlaps_nothing(status: Status) -> None:
    assert arrange(BEGIN, [slot("a", 1, 2, status), slot("b", 2, 2)]).beside == {}


def test_what_reaches_over_midnight_is_cut_off() -> None:
    table = arrange(BEGIN, [slot("a", -1, 2), slot("b", 23.99, 12)])
    first, last = table.rows[0].bars
    assert (first.left, first.width) == (0, round(100 / 24, 3))
    assert last.left + last.width <= 100


def test_a_real_schedule_is_shown_day_by_day(open_as: Open, client: Client, real_schedules: Path) -> None:
    schedule = read_schedule(next(real_schedules.glob("imaging_*.sh")))
    day = (schedule[0].starttime + DAY).date()
    of_day = [new for new in schedule if new.starttime.date() == day]
    for new in of_day:
        client.create_observation(new)
    page = open_as("viewer", f"/plan/?day={day}")
    expect(page.get_by_role("heading", level=2)).to_contain_text(f"{len(of_day)} observations")
    expect(page.locator(".bar")).to_have_count(len(of_day))
    expect(page.locator(".clash")).to_have_count(0)
    starts = page.locator(".entry .when time:first-child").evaluate_all("all => all.map(e => e.dateTime)")
    assert all(one <= other for one, other in pairwise(starts))
    page.locator("[rel=next]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(day + DAY))
    page.locator("[rel=prev]").click()
    page.locator(".bar").first.click()
    expect(page.locator(".facts")).to_contain_text(of_day[0].field_name)


def test_today_has_a_line_between_what_was_and_what_comes(open_as: Open, client: Client, observe: Observe) -> None:
    now = datetime.now(UTC)
    past = observe(Status.RUNNING, starttime=(now - timedelta(minutes=1)).isoformat())
    page = open_as("viewer", "/plan/")
    expect(page.locator("line.now")).to_have_count(1)
    expect(page.locator(".entries").first).to_contain_text(past.taskID)
    client.move(past.taskID, Status.COMPLETING)
    expect(page.locator(".entry .state")).to_have_text("completing")
    other = open_as("viewer", f"/plan/?day={(now + DAY * 3).date()}")
    expect(other.locator("line.now")).to_have_count(0)


def test_overlaps_are_marked_on_the_timeline_and_in_the_list(open_as: Open, observe: Observe) -> None:
    one = observe(starttime="2026-05-01T06:00:00Z", duration=7200)
    other = observe(starttime="2026-05-01T07:00:00Z", duration=7200, observing_mode="arts_sc4_survey")
    alone = observe(starttime="2026-05-01T12:00:00Z", duration=7200)
    page = open_as("viewer", "/plan/?day=2026-05-01")
    expect(page.locator(".entry", has=page.get_by_role("link", name=one.taskID))).to_contain_text(
        f"overlaps {other.taskID}"
    )
    expect(page.locator(".entry", has=page.get_by_role("link", name=alone.taskID))).not_to_contain_text("overlaps")
    expect(page.locator(".bar.clashing")).to_have_count(2)
    expect(page.get_by_text("overlapping observations")).to_be_visible()


def test_a_day_without_any_leads_to_the_nearest(open_as: Open, observe: Observe) -> None:
    observe(starttime="2026-05-01T06:00:00Z")
    observe(starttime="2026-05-09T06:00:00Z")
    page = open_as("viewer", "/plan/?day=2026-05-04")
    expect(page.get_by_role("heading", name="No observations planned")).to_be_visible()
    expect(page.get_by_role("link", name="2026-05-01")).to_be_visible()
    page.get_by_role("link", name="2026-05-09").click()
    expect(page.locator(".entry")).to_have_count(1)


def test_a_phone_shows_the_list(open_as: Open, observe: Observe) -> None:
    made = observe(starttime="2026-05-01T06:00:00Z", duration=7200)
    page = open_as("viewer", "/plan/?day=2026-05-01", viewport={"width": 375, "height": 812})
    expect(page.locator(".plan-timeline")).to_be_hidden()
    page.get_by_role("link", name=made.taskID).click()
    expect(page).to_have_url(f"/tasks/{made.taskID}/")


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("tomorrow", "day: is not a day"),
        ("2026-02-30", "day: is not a day"),
        ("1969-01-01", "day: must be in the years 1971 to 2198"),
        ("9999-12-31", "day: must be in the years 1971 to 2198"),
    ],
)
def test_what_is_no_day_is_refused(open_as: Open, day: str, words: str) -> None:
    page = open_as("viewer", f"/plan/?day={day}")
    expect(page.get_by_role("alert")).to_contain_text(words)
