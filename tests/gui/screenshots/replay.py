"""A real schedule around now: all of it is shifted so that one observation is about to end and another to start.

The day and kind that an observation gets here determine its history. They are those of the made-up week
(`sample_histories.py`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.instruments import instrument
from atdb_interface.observations import NewObservation, Observation
from tests.gui.screenshots.week import BEAM_BYTES_PER_SECOND, ENDS_FROM_NOW, Planned

_MOST_OBSERVATIONS, _PART_BEFORE_NOW = 250, 0.7
_LONG_SECONDS = 3600
_COMPLETED = (-1, "pulsar 2")
#: Days and kinds that the screenshots and sample histories need: for observations before now, newest first.
_LONG = ((-1, "field"), (-1, "search 0"), (-2, "search 0"))
_SHORT = (
    (-1, "search 2"),
    (-1, "search 1"),
    *((-1, f"scan {number}") for number in range(38, 17, -1)),
    _COMPLETED,
)
#: Oldest first.
_OLDEST = ((-3, "search 1"), (-3, "scan 5"), (-2, "search 1"))
#: Those that are far in the future.
_LAST = ((1, "pulsar 0"), (1, "pulsar 1"), (1, "pulsar 2"))


def planned(schedule: Path, now: datetime) -> Iterator[Planned]:
    """Yield the observations of a schedule around now, earliest first."""
    observations = sorted(read_schedule(schedule), key=lambda each: each.starttime)
    current = _current(observations)
    first = max(0, current - int(_MOST_OBSERVATIONS * _PART_BEFORE_NOW))
    around = observations[first : first + _MOST_OBSERVATIONS]
    kinds = _kinds(around, current - first)
    offset = now.replace(second=0, microsecond=0) + ENDS_FROM_NOW - _end(observations[current])
    for number, each in enumerate(around):
        start = each.starttime + offset
        day, kind = kinds.get(number, ((start - now).days, f"other {number}"))
        shifted = each.model_copy(update={"starttime": start, "endtime": _end(each) + offset})
        specification = shifted.model_dump(mode="json", exclude_unset=True)
        if (day, kind) == _COMPLETED:  # The sample reason says so, but not every schedule has such an observation.
            specification["skip_auto_ingest"] = True
        size = _seconds(each) * BEAM_BYTES_PER_SECOND
        yield Planned(day, kind, start, specification, _filenames(each), size)


def _current(observations: list[NewObservation]) -> int:
    """Return the number of the observation that runs now: a longest one, with most of the others before it."""
    longest, wanted = max(map(_seconds, observations)), len(observations) * _PART_BEFORE_NOW
    candidates = [number for number, each in enumerate(observations) if _seconds(each) == longest]
    return min(candidates, key=lambda number: abs(number - wanted))


def _kinds(observations: list[NewObservation], current: int) -> dict[int, tuple[int, str]]:
    """Return the day and kind of some observations, by their number."""
    newest_first = range(current - 1, -1, -1)
    long = [number for number in newest_first if _seconds(observations[number]) >= _LONG_SECONDS]
    short = [number for number in newest_first if number not in long]
    after = range(current + 1, len(observations))
    if len(long) < len(_LONG) or len(short) < len(_SHORT + _OLDEST) or len(after) <= len(_LAST):
        raise SystemExit(
            "the schedule has too few observations before or after one of its longest for every status"
        )
    return {
        current: (0, "field"),
        after[0]: (0, "search 0"),
        **dict(zip(long, _LONG, strict=False)),
        **dict(zip(short, _SHORT, strict=False)),
        **dict(zip(reversed(short), _OLDEST, strict=False)),
        **dict(zip(after[-len(_LAST) :], _LAST, strict=True)),
    }


def _filenames(new: NewObservation) -> tuple[str, ...]:
    """Return the names of its products, with a placeholder for its taskID."""
    to_be = Observation.model_construct(
        taskID="{}", observing_mode=new.observing_mode, science_mode=new.science_mode, options=new.options
    )
    return tuple(product.filename for product in instrument().products(to_be))


def _seconds(new: NewObservation) -> int:
    return int((_end(new) - new.starttime).total_seconds())


def _end(new: NewObservation) -> datetime:
    return new.endtime or new.starttime + timedelta(seconds=new.duration or 0)
