"""Nights of 24 hours follow each other without a gap; the last night is the latest that has ended."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from atdb_interface.nights import Night, report_hour


@pytest.mark.parametrize("hour", [0, 8, 23])
def test_nights_follow_each_other_without_a_gap(hour: int) -> None:
    one, next_one = (Night.of(date(2026, 2, day), hour) for day in (27, 28))
    assert one.ends == next_one.begins
    assert (one.day, one.begins.hour, one.ends - one.begins) == (date(2026, 2, 27), hour, timedelta(hours=24))


@pytest.mark.parametrize("day", ["1971-01-01", "2026-02-28", "2198-12-31"])
def test_a_night_is_named_by_a_day_that_the_wire_has(day: str) -> None:
    assert Night.named(day, 8) == Night.of(date.fromisoformat(day), 8)


@pytest.mark.parametrize("day", ["", "0001-01-01", "1970-12-31", "2199-01-01", "9999-12-31", "20260503"])
def test_no_other_text_names_a_night(day: str) -> None:
    with pytest.raises(ValueError, match="is not a day such as 2026-11-25, of the years 1971 to 2198"):
        Night.named(day, 8)


@pytest.mark.parametrize("hour", [0, 8, 23])
def test_the_last_night_ended_at_or_before_the_moment(hour: int) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    for minutes in range(0, 2 * 24 * 60, 15):
        now = midnight + timedelta(minutes=minutes)
        night = Night.last(now, hour)
        assert night.ends <= now < night.ends + timedelta(hours=24)
        assert night == Night.of(night.day, hour)


def test_the_zone_of_the_moment_does_not_matter() -> None:
    now = datetime(2026, 3, 1, 7, 59, tzinfo=UTC)
    assert Night.last(now.astimezone(timezone(timedelta(hours=14))), 8) == Night.last(now, 8)
    assert Night.last(now, 8).day == date(2026, 2, 27)


def test_the_report_hour_is_a_setting() -> None:
    assert report_hour({}) == report_hour({"ATDB_REPORT_HOUR": ""}) == 8
    assert report_hour({"ATDB_REPORT_HOUR": "0"}) == 0
    for wrong in ("24", "-1", "8.5", "eight", "٨"):
        with pytest.raises(ValueError, match="ATDB_REPORT_HOUR must be an hour from 0 to 23"):
            report_hour({"ATDB_REPORT_HOUR": wrong})
