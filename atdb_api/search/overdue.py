"""Find in the database what atdb_interface/expected_durations.py calls overdue."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from atdb_api.models import Observation, StageSetting
from atdb_interface.expected_durations import EXPECTED, Moment
from atdb_interface.lifecycle import STAGES, STATUSES

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


def is_overdue(status: Column, since: Column, now: ColumnElement[Any] | datetime) -> ColumnElement[bool]:
    """Tell whether an observation that has a status since then is overdue now; false where it never is.

    That the status is named by itself lets the index on statuses leave out all that has come to its end.
    """
    delays = {stage.source: _delay(stage.actor) for stage in STAGES}
    since = since + case(delays, value=status, else_=timedelta(0))
    begins = {
        Moment.ENTERED: since,
        Moment.START: func.greatest(Observation.start_time, since),
        Moment.END: func.greatest(Observation.end_time, since),
    }
    due = case(
        {each: begins[STATUSES[each].expected_from] + most for each, most in EXPECTED.items()},
        value=status,
    )
    moment = literal(now) if isinstance(now, datetime) else now
    return and_(status.in_(EXPECTED), func.coalesce(due < moment, False))


def _delay(stage: str) -> ColumnElement[timedelta]:
    """Find for how long a stage lets an observation wait first; asked once in a statement, not for each row."""
    delay = select(func.make_interval(0, 0, 0, 0, 0, 0, StageSetting.delay_seconds))
    return delay.where(StageSetting.stage == stage).scalar_subquery()
