"""How long an observation is expected to have each status: what exceeds that is overdue."""

from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from atdb_interface.lifecycle import COMPLETING_TIMEOUT, START_TOLERANCE, Status

S = Status

#: How long an observation is expected to have a status at most, from when `EXPECTED_FROM` says.
EXPECTED = MappingProxyType(
    {
        S.DEFINED: timedelta(minutes=10),
        S.SCHEDULED: START_TOLERANCE,
        S.STARTING: timedelta(minutes=5),
        S.RUNNING: COMPLETING_TIMEOUT,
        S.COMPLETING: timedelta(hours=1),
        S.CHECKING: timedelta(hours=24),
        S.VALID: timedelta(hours=24),
        S.INGESTING: timedelta(hours=48),
        S.ARCHIVED: timedelta(days=7),
        S.REMOVING: timedelta(hours=24),
        S.COMPLETED: timedelta(days=7),
        S.INCOMPLETE: timedelta(days=1),
        S.ERROR_TOO_LATE: timedelta(days=1),
        S.ERROR_START_OBS: timedelta(days=1),
        S.ERROR_NO_COMPLETING: timedelta(days=1),
        S.INGEST_ERROR: timedelta(days=1),
        S.REMOVE_ERROR: timedelta(days=1),
        S.ON_HOLD: timedelta(days=7),
    }
)


class Moment(StrEnum):
    """From when the expected time of a status counts."""

    ENTERED = "entered"
    START = "start"
    END = "end"


#: Of the statuses that are not here, the expected time counts from when they were entered.
EXPECTED_FROM = MappingProxyType({S.SCHEDULED: Moment.START, S.STARTING: Moment.START, S.RUNNING: Moment.END})


def due(
    status: Status, *, since: datetime, start: datetime, end: datetime, rest: timedelta = timedelta(0)
) -> datetime | None:
    """Tell when an observation is overdue in a status that it has since then; None where it may stay for ever.

    `rest`: for how long the stage that takes it from there lets it wait first.
    """
    if status not in EXPECTED:
        return None
    since += rest
    begin = {Moment.ENTERED: since, Moment.START: max(start, since), Moment.END: max(end, since)}
    return begin[EXPECTED_FROM.get(status, Moment.ENTERED)] + EXPECTED[status]
