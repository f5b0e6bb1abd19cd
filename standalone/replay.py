"""Replay a schedule of another time: it begins now, and runs faster than real time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import floor

from atdb_interface.observations import NewObservation

#: By default, a schedule is compressed to this length, so that an operator can watch it.
DEFAULT_SPAN_SECONDS = 60.0


def default_speedup(schedule: Sequence[NewObservation], span_seconds: float = DEFAULT_SPAN_SECONDS) -> float:
    """Return the speedup that compresses a schedule, from its first start to its last end, to a span.

    At least 1, and at most what leaves a second between two starts, because ATDB has no shorter times.
    """
    starts = sorted(new.starttime for new in schedule)
    last = max(_end(new) for new in schedule)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(starts) if later > earlier]
    return max(1.0, min([(last - starts[0]).total_seconds() / span_seconds, *gaps]))


def shifted(schedule: Sequence[NewObservation], begin: datetime, speedup: float) -> list[NewObservation]:
    """Return the schedule with its first start at `begin` and all times divided by `speedup`.

    Each observation lasts at least 1 s.
    """
    first = min(new.starttime for new in schedule)
    begin = begin.astimezone(UTC).replace(microsecond=0)
    replayed = []
    for new in schedule:
        begins, ends = (
            _whole((moment - first).total_seconds() / speedup) for moment in (new.starttime, _end(new))
        )
        ends = max(ends, begins + 1)
        times = {
            "starttime": begin + timedelta(seconds=begins),
            "endtime": begin + timedelta(seconds=ends),
            "duration": ends - begins,
        }
        replayed.append(new.model_copy(update=times))
    return replayed


def _whole(seconds: float) -> int:
    """Return rounded seconds; halves are rounded up, because `round` makes 2 of both 1.5 and 2.5."""
    return floor(seconds + 0.5)


def _end(new: NewObservation) -> datetime:
    if new.endtime is None:
        raise ValueError("an accepted specification must have an end time")
    return new.endtime
