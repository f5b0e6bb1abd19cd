"""A replayed schedule keeps its order and its gaps, and runs faster."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.errors import BadRequest
from atdb_interface.observations import NewObservation
from standalone.demo import EXAMPLE, demo
from standalone.replay import DEFAULT_SPAN_SECONDS, default_speedup, shifted
from standalone.settings import Settings

BEGIN = datetime(2026, 4, 5, 6, 0, 0, 999_999, tzinfo=UTC)


@pytest.fixture
def schedule() -> list[NewObservation]:
    return read_schedule(EXAMPLE)


def span_seconds(schedule: list[NewObservation]) -> float:
    ends = [new.endtime for new in schedule if new.endtime]
    return (max(ends) - min(new.starttime for new in schedule)).total_seconds()


def test_at_the_default_speed_a_schedule_takes_a_minute_or_a_second_for_each_start(
    schedule: list[NewObservation], real_schedules: Path
) -> None:
    for path in (EXAMPLE, *sorted(real_schedules.glob("*.sh"))):
        given = read_schedule(path)
        replayed = shifted(given, BEGIN, default_speedup(given))
        gaps = [(later.starttime - earlier.starttime).total_seconds() for earlier, later in pairwise(replayed)]
        if min(gaps) > 1:
            assert abs(span_seconds(replayed) - DEFAULT_SPAN_SECONDS) <= 1
        else:
            assert span_seconds(replayed) > DEFAULT_SPAN_SECONDS
            assert min(gaps) == 1
        assert min(new.starttime for new in replayed) == BEGIN.replace(microsecond=0)


def test_two_starts_never_become_the_same_second_at_the_default_speed(schedule: list[NewObservation]) -> None:
    first, seconds = schedule[0], timedelta(seconds=1)
    given = [
        first.model_copy(
            update={
                "starttime": first.starttime + begin * seconds,
                "endtime": first.starttime + (begin + 90) * seconds,
            }
        )
        for begin in (0, 150, 250)
    ]
    speedup = default_speedup(given, 1)
    assert speedup == 100
    replayed = shifted(given, BEGIN, speedup)
    assert [(new.starttime - replayed[0].starttime) / seconds for new in replayed] == [0, 2, 3]


def test_a_short_schedule_is_not_slowed_down(schedule: list[NewObservation]) -> None:
    short = [new for new in shifted(schedule, BEGIN, 1) if new.duration == 300][:1]
    assert (
        default_speedup([short[0].model_copy(update={"endtime": short[0].starttime + timedelta(seconds=9)})]) == 1
    )


def test_at_the_speed_of_one_only_the_begin_changes(schedule: list[NewObservation]) -> None:
    moved = BEGIN.replace(microsecond=0) - schedule[0].starttime
    for before, after in zip(schedule, shifted(schedule, BEGIN, 1), strict=True):
        assert before.endtime
        assert (after.starttime, after.endtime) == (before.starttime + moved, before.endtime + moved)
        times = {"starttime", "endtime", "duration"}
        assert after.model_dump(exclude=times) == before.model_dump(exclude=times)


@pytest.mark.parametrize("speedup", [1, 7.3, 60, None])
def test_observations_of_a_real_schedule_do_not_overlap_in_a_replay(
    real_schedules: Path, speedup: float | None
) -> None:
    for path in sorted(real_schedules.glob("*.sh")):
        given = read_schedule(path)
        replayed = shifted(given, BEGIN, speedup or default_speedup(given))
        ordered = sorted(replayed, key=lambda new: new.starttime)
        for earlier, later in pairwise(ordered):
            assert earlier.endtime
            assert earlier.endtime <= later.starttime


@pytest.mark.parametrize("speedup", [1, 7.3, 60, 1_000_000])
def test_every_replayed_observation_is_a_specification_of_its_own(
    schedule: list[NewObservation], speedup: float
) -> None:
    replayed = shifted(schedule, BEGIN, speedup)
    for new in replayed:
        assert (new.duration or 0) >= 1
        assert NewObservation.model_validate(new.model_dump(mode="json")) == new
    assert all(earlier.starttime <= later.starttime for earlier, later in pairwise(replayed))


def test_begin_may_be_of_any_time_zone(schedule: list[NewObservation]) -> None:
    elsewhere = datetime.fromisoformat("2026-04-05T08:00:00.999999+02:00")
    assert shifted(schedule, elsewhere, 60) == shifted(schedule, BEGIN, 60)


def test_the_given_schedule_is_left_as_it_was(schedule: list[NewObservation]) -> None:
    shifted(schedule, BEGIN, 60)
    assert schedule == read_schedule(EXAMPLE)


@pytest.mark.parametrize("speedup", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused_before_anything_starts(tmp_path: Path, speedup: float) -> None:
    with pytest.raises(BadRequest, match="SPEEDUP"):
        demo(Settings(state=tmp_path / "state"), EXAMPLE, speedup)
    assert not (tmp_path / "state").exists()
