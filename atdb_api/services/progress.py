"""How far the work on an observation is, and how long it still takes: for pages and explanations."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_api.models import Lease

#: A longer estimate means that the work has hardly begun; it is not shown.
LONGEST_ESTIMATE_SECONDS = 30 * 86400


@dataclass(frozen=True)
class Progress:
    """What the owner of the work reports: how much it has done since `began_at`, and its problem, if any."""

    began_at: datetime
    done_bytes: int | None
    total_bytes: int | None
    trouble: str | None

    @property
    def percent(self) -> int | None:
        """Return how far the work is; None if unknown."""
        if self.done_bytes is None or not self.total_bytes:
            return None
        return min(100, 100 * self.done_bytes // self.total_bytes)

    def left(self, now: datetime) -> timedelta | None:
        """Return how long the work still takes at its speed so far.

        None if no byte or every byte is done, if there is a problem, or if the estimate is too long.
        """
        done, total = self.done_bytes, self.total_bytes
        if not done or not total or done >= total or self.trouble:
            return None
        seconds = (now - self.began_at).total_seconds() * (total - done) / done
        return timedelta(seconds=seconds) if seconds < LONGEST_ESTIMATE_SECONDS else None


def progress_of(lease: Lease) -> Progress:
    """Return the progress that the owner of a lease has reported."""
    return Progress(lease.began_at, lease.done_bytes, lease.total_bytes, lease.trouble)
