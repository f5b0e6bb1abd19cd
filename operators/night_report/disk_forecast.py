"""The forecast of a disk: how much the schedule will write to it, and when it will be full."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atdb_interface.night_reports import FORECAST, FORECAST_STEP, LARGEST, DiskPoint


@dataclass(frozen=True)
class PlannedWrite:
    """An observation that writes this volume to a disk, at a constant rate from its begin to its end."""

    begins: datetime
    ends: datetime
    size_bytes: float

    def written_bytes(self, start: datetime, end: datetime) -> float:
        """Return how many bytes are written between two moments."""
        seconds = (min(end, self.ends) - max(start, self.begins)).total_seconds()
        return self.size_bytes * max(0.0, seconds) / (self.ends - self.begins).total_seconds()


def written_bytes(writes: Iterable[PlannedWrite], start: datetime, end: datetime) -> float:
    """Return how many bytes all of them write between two moments."""
    return sum(write.written_bytes(start, end) for write in writes)


def points(free_bytes: int, writes: Sequence[PlannedWrite], start: datetime) -> list[DiskPoint]:
    """Return the free space at `start` and at each step after it, to the end of the forecast."""
    moments = [start + number * FORECAST_STEP for number in range(FORECAST // FORECAST_STEP + 1)]
    return [
        DiskPoint(at=moment, free_bytes=max(free_bytes - round(written_bytes(writes, start, moment)), -LARGEST))
        for moment in moments
    ]


def full_at(free_bytes: int, writes: Sequence[PlannedWrite], start: datetime) -> datetime | None:
    """Return when the disk will be full; None if not within the forecast.

    Between two moments at which an observation begins or ends, the free space decreases linearly.
    """
    end, left = start + FORECAST, float(free_bytes)
    if left <= 0:
        return start
    bends = {min(max(moment, start), end) for write in writes for moment in (write.begins, write.ends)}
    previous = start
    for moment in sorted(bends | {end}):
        written = written_bytes(writes, previous, moment)
        if written >= left:
            return previous + (moment - previous) * (left / written)
        previous, left = moment, left - written
    return None
