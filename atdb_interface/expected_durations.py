"""How long an observation is expected to have each status: what exceeds that is overdue."""

from datetime import datetime, timedelta
from types import MappingProxyType

from atdb_interface.lifecycle import STATUSES, Moment, Status

__all__ = ["EXPECTED", "Moment", "due"]

#: How long an observation is expected to have a status at most, from when its row says.
EXPECTED = MappingProxyType({status: row.expected for status, row in STATUSES.items() if row.expected is not None})


def due(
    status: Status, *, since: datetime, start: datetime, end: datetime, delay: timedelta = timedelta(0)
) -> datetime | None:
    """Return when an observation is overdue in a status that it has since then; None where it may stay for ever.

    `delay`: for how long the stage that takes it from there lets it wait first.
    """
    if status not in EXPECTED:
        return None
    since += delay
    begin = {Moment.ENTERED: since, Moment.START: max(start, since), Moment.END: max(end, since)}
    return begin[STATUSES[status].expected_from] + EXPECTED[status]
