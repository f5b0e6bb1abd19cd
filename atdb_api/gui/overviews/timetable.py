"""Arrange the observations of a day in rows by mode, and find those that overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atdb_api.reads.telescope import DAY, TelescopeSlot
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import BEFORE_START, USE_THE_TELESCOPE, Group, statuses

#: Statuses of observations that will not use the telescope, although they have not been observed.
_AWAY = {*statuses(lambda row: row.group is Group.ENDED), *BEFORE_START} - {*USE_THE_TELESCOPE}
#: Wide enough to see a calibrator of three minutes, and to point at it.
_NARROWEST_PERCENT = 0.35


@dataclass(frozen=True)
class PlanBar:
    """The drawing of a slot. `left` and `width` in percent of the day; `lane`: its position down the row."""

    slot: TelescopeSlot
    lane: int
    left: float
    width: float


@dataclass(frozen=True)
class Row:
    """The observations in modes of one kind; `lanes`: the maximum number at the same time."""

    title: str
    lanes: int
    bars: list[PlanBar]


@dataclass(frozen=True)
class Timetable:
    """A day. `beside`: for each observation, those that overlap it.

    `clashes`: the times of the overlaps, as left and width in percent of the day.
    """

    begin: datetime
    slots: Sequence[TelescopeSlot]
    rows: list[Row]
    beside: dict[str, list[str]]
    clashes: list[tuple[float, float]]

    def percent(self, at: datetime) -> float:
        """Return the part of the day that is over at a time, in percent."""
        return _percent(self.begin, at)


def arrange(begin: datetime, slots: Sequence[TelescopeSlot]) -> Timetable:
    """Arrange the slots of the day that begins at `begin`; they must be in the order of their starts."""
    by_kind: dict[str, list[TelescopeSlot]] = {}
    for slot in slots:
        by_kind.setdefault(_kind(slot.mode), []).append(slot)
    beside, clashes = _overlaps(slot for slot in slots if slot.status not in _AWAY)
    drawn = [_bounds(begin, start, end) for start, end in clashes if end > begin and start < begin + DAY]
    return Timetable(begin, slots, [_row(begin, kind, by_kind[kind]) for kind in sorted(by_kind)], beside, drawn)


def _kind(mode: str) -> str:
    try:
        return instrument().mode(mode).name
    except ValueError:  # an observation that was submitted before ATDB checked modes
        return mode


def _row(begin: datetime, title: str, slots: Sequence[TelescopeSlot]) -> Row:
    ends: list[datetime] = []
    bars = []
    for slot in slots:
        lane = next((lane for lane, end in enumerate(ends) if end <= slot.start), len(ends))
        ends[lane : lane + 1] = [slot.end]
        left, width = _bounds(begin, slot.start, slot.end)
        bars.append(PlanBar(slot, lane, min(left, 100 - _NARROWEST_PERCENT), max(width, _NARROWEST_PERCENT)))
    return Row(title, len(ends), bars)


def _overlaps(slots: Iterable[TelescopeSlot]) -> tuple[dict[str, list[str]], list[tuple[datetime, datetime]]]:
    """Find which slots overlap, and when."""
    beside: dict[str, list[str]] = {}
    times: list[tuple[datetime, datetime]] = []
    there: list[TelescopeSlot] = []
    for slot in slots:
        there = [each for each in there if each.end > slot.start]
        for other in there:
            beside.setdefault(slot.task_id, []).append(other.task_id)
            beside.setdefault(other.task_id, []).append(slot.task_id)
            _add(times, slot.start, min(slot.end, other.end))
        there.append(slot)
    return beside, times


def _add(times: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> None:
    """Add a period to the others, which begin no later."""
    if times and start <= times[-1][1]:
        times[-1] = (times[-1][0], max(times[-1][1], end))
    else:
        times.append((start, end))


def _bounds(begin: datetime, start: datetime, end: datetime) -> tuple[float, float]:
    left, right = (min(100.0, max(0.0, _percent(begin, at))) for at in (start, end))
    return round(left, 3), round(right - left, 3)


def _percent(begin: datetime, at: datetime) -> float:
    return 100 * ((at - begin) / DAY)
