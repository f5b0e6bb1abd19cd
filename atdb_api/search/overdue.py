"""Overdue observations in the database, as atdb_interface/expected_durations.py defines them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from atdb_api.models import Observation, StageSetting
from atdb_interface.expected_durations import EXPECTED, Moment
from atdb_interface.lifecycle import STAGES, STATUSES

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


def is_overdue(status: Column, since: Column, now: ColumnElement[Any] | datetime) -> ColumnElement[bool]:
    """Return the condition for an observation, with a status since a time, to be overdue now.

    The separate condition on the status lets the index on statuses skip observations that can never be overdue.
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
    """Return the delay of a stage as a subquery, which PostgreSQL runs once per statement, not per row."""
    delay = select(func.make_interval(0, 0, 0, 0, 0, 0, StageSetting.delay_seconds))
    return delay.where(StageSetting.stage == stage).scalar_subquery()
