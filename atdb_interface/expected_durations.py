"""The expected duration of each status, and what follows if the end of an observation is not reported."""

from datetime import datetime, timedelta
from types import MappingProxyType

from atdb_interface.lifecycle import COMPLETING_TIMEOUT, STATUSES, Moment, Status

__all__ = ["EXPECTED", "Moment", "due", "status_after_timeout"]

#: The longest expected duration of each status. It counts from `expected_from` of the status.
EXPECTED = MappingProxyType({status: row.expected for status, row in STATUSES.items() if row.expected is not None})


def due(
    status: Status, *, since: datetime, start: datetime, end: datetime, delay: timedelta = timedelta(0)
) -> datetime | None:
    """Return when an observation becomes overdue in a status; None if never.

    `since`: when it entered the status. `delay`: the delay of the stage that processes it next.
    """
    if status not in EXPECTED:
        return None
    since += delay
    begin = {Moment.ENTERED: since, Moment.START: max(start, since), Moment.END: max(end, since)}
    return begin[STATUSES[status].expected_from] + EXPECTED[status]


def status_after_timeout(
    *, completes_after: timedelta | None, end: datetime, since: datetime, now: datetime
) -> Status | None:
    """Return the next status of a running observation whose end is not reported; None while ATDB still waits.

    `completes_after`: how long after its end it becomes completing automatically; None if its mode does not do so.
    `since`: when it entered running, which can be after its end if an operator retried it.
    """
    waited = now - max(end, since)
    if completes_after is not None and waited > completes_after:
        return Status.COMPLETING
    return Status.ERROR_NO_COMPLETING if waited > COMPLETING_TIMEOUT else None
