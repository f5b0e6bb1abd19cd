"""Replay a schedule of another time: it begins now, and runs faster than real time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from atdb_interface.observations import NewObservation

#: By default, a schedule is compressed to this length, so that an operator can watch it.
DEFAULT_SPAN_SECONDS = 60.0


def default_speedup(schedule: Sequence[NewObservation]) -> float:
    """Return the speedup that compresses a schedule, from its first start to its last end, to the default span.

    At least 1.
    """
    first = min(new.starttime for new in schedule)
    last = max(_end(new) for new in schedule)
    return max(1.0, (last - first).total_seconds() / DEFAULT_SPAN_SECONDS)


def shifted(schedule: Sequence[NewObservation], begin: datetime, speedup: float) -> list[NewObservation]:
    """Return the schedule with its first start at `begin` and all times divided by `speedup`.

    Each observation lasts at least 1 s.
    """
    first = min(new.starttime for new in schedule)
    begin = begin.astimezone(UTC).replace(microsecond=0)
    replayed = []
    for new in schedule:
        start = begin + timedelta(seconds=round((new.starttime - first).total_seconds() / speedup))
        seconds = max(1, round((_end(new) - new.starttime).total_seconds() / speedup))
        times = {"starttime": start, "endtime": start + timedelta(seconds=seconds), "duration": seconds}
        replayed.append(new.model_copy(update=times))
    return replayed


def _end(new: NewObservation) -> datetime:
    if new.endtime is None:
        raise ValueError("an accepted specification must have an end time")
    return new.endtime
