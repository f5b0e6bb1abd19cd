"""How many observations, and how much data, each status has; and which stages are paused."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from atdb_api.reads.summaries import summarise
from atdb_api.services import stages
from atdb_interface.lifecycle import Status

_NONE = (0, 0)


@dataclass(frozen=True)
class StatusTotals:
    """The totals. `numbers`: the number and bytes of observations by status; `paused`: the paused stages."""

    numbers: dict[Status, tuple[int, int]]
    paused: list[str]

    def count(self, status: Status) -> int:
        """Return how many observations have a status."""
        return self.numbers.get(status, _NONE)[0]

    def size_bytes(self, status: Status) -> int:
        """Return the size of the data of observations with a status."""
        return self.numbers.get(status, _NONE)[1]


def status_totals(session: Session) -> StatusTotals:
    """Read the number and size of the observations by status, with two statements."""
    groups = summarise(session, ("my_status",), (), None).groups
    return StatusTotals(
        numbers={Status(each.group["my_status"]): (each.count, each.size) for each in groups},
        paused=sorted(name for name, setting in stages.settings(session).items() if setting.paused_by is not None),
    )
