"""The expected duration of each status. An observation that exceeds it is overdue."""

from datetime import datetime, timedelta
from types import MappingProxyType

from atdb_interface.lifecycle import STATUSES, Moment, Status

__all__ = ["EXPECTED", "Moment", "due"]

#: The longest expected duration of each status. It counts from `expected_from` of the status.
EXPECTED = MappingProxyType({status: row.expected for status, row in STATUSES.items() if row.expected is not None})


def due(
    status: Status, *, since: datetime, start: datetime, end: datetime, delay: timedelta = timedelta(0)
) -> datetime | None:
    """Return when an observation becomes overdue in a status; None if it can keep the status for ever.

    `since`: when it entered the status. `delay`: the delay of the stage that processes it next.
    """
    if status not in EXPECTED:
        return None
    since += delay
    begin = {Moment.ENTERED: since, Moment.START: max(start, since), Moment.END: max(end, since)}
    return begin[STATUSES[status].expected_from] + EXPECTED[status]
