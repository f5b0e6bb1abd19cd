"""How many observations, and how much data, each status has; and which stages are paused."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from atdb_api.reads.summaries import summarise
from atdb_api.services import stages
from atdb_interface.lifecycle import Status

_NONE = (0, 0)


@dataclass(frozen=True)
class StatusTotals:
    """`numbers`: of each status, how many observations have it and their bytes; `paused`: the stages that are."""

    numbers: dict[Status, tuple[int, int]]
    paused: list[str]

    def count(self, status: Status) -> int:
        """Return how many observations have a status."""
        return self.numbers.get(status, _NONE)[0]

    def size_bytes(self, status: Status) -> int:
        """Return how large the data of those are."""
        return self.numbers.get(status, _NONE)[1]


def status_totals(session: Session) -> StatusTotals:
    """Count and measure the observations of each status: two statements."""
    groups = summarise(session, ("my_status",), (), None).groups
    return StatusTotals(
        numbers={Status(each.group["my_status"]): (each.count, each.size) for each in groups},
        paused=sorted(name for name, setting in stages.settings(session).items() if setting.paused_by is not None),
    )
