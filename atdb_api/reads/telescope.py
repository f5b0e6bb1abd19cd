"""The times of observations at the telescope."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_api.models import Observation
from atdb_interface.lifecycle import Status

DAY = timedelta(days=1)


@dataclass(frozen=True)
class TelescopeSlot:
    """An observation's time at the telescope."""

    task_id: str
    name: str
    mode: str
    status: Status
    start: datetime
    end: datetime

    def percent(self, now: datetime) -> int:
        """Return the percentage of it that is over."""
        return max(0, min(100, int(100 * (now - self.start) / (self.end - self.start))))


def slot_of(o: Observation) -> TelescopeSlot:
    """Return the slot of an observation."""
    return TelescopeSlot(o.task_id, o.name, o.observing_mode, o.status, o.start_time, o.end_time)
