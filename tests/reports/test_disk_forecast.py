"""The free space of a disk shrinks while observations are written; the moment when it is full is exact."""

from datetime import UTC, datetime, timedelta

from operators.night_report.disk_forecast import PlannedWrite, full_at, points

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_free_space_falls_only_while_something_is_written() -> None:
    writes = [PlannedWrite(START + 6 * HOUR, START + 18 * HOUR, 1200.0)]
    forecast = points(1000, writes, START)
    assert [point.free_bytes for point in forecast[:5]] == [1000, 1000, 400, -200, -200]
    assert (forecast[-1].at, forecast[-1].free_bytes) == (START + timedelta(days=14), -200)
    assert full_at(1000, writes, START) == START + 16 * HOUR


def test_of_an_observation_that_is_being_written_only_the_rest_counts() -> None:
    writes = [PlannedWrite(START - 6 * HOUR, START + 6 * HOUR, 1200.0)]
    assert points(1000, writes, START)[1].free_bytes == 400
    assert full_at(600, writes, START) == START + 6 * HOUR
    assert full_at(601, writes, START) is None


def test_observations_that_are_written_at_once_add_up() -> None:
    writes = [
        PlannedWrite(START, START + 12 * HOUR, 1200.0),
        PlannedWrite(START + 6 * HOUR, START + 12 * HOUR, 600.0),
    ]
    assert [point.free_bytes for point in points(1800, writes, START)[:3]] == [1800, 1200, 0]
    assert full_at(1000, writes, START) == START + 8 * HOUR


def test_what_is_written_after_the_forecast_does_not_count() -> None:
    end = START + timedelta(days=14)
    writes = [PlannedWrite(end - HOUR, end + HOUR, 200.0)]
    assert points(150, writes, START)[-1].free_bytes == 50
    assert full_at(150, writes, START) is None
    assert full_at(100, writes, START) == end


def test_a_full_disk_is_full_at_once_and_an_idle_one_never() -> None:
    assert full_at(0, [], START) == START
    assert full_at(1, [], START) is None
