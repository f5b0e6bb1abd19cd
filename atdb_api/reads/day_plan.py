"""The plan of a day: which observation has the telescope when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.reads.telescope import DAY, TelescopeSlot, slot_of

#: The maximum number shown for a day; the page Tasks has all.
MOST_SHOWN = 500
#: No observation takes longer, because its field sets. So those that reach into a day are found by their start.
_LONGEST = timedelta(days=2)


@dataclass(frozen=True)
class DayPlan:
    """A day. `before`, `after`: for a day without observations, the nearest days with some."""

    day: date
    slots: list[TelescopeSlot]
    is_all: bool
    now: datetime
    before: date | None
    after: date | None

    @property
    def begin(self) -> datetime:
        """Return when the day begins, UTC."""
        return _begin(self.day)

    @property
    def previous(self) -> date:
        """Return the day before."""
        return self.day - DAY

    @property
    def next(self) -> date:
        """Return the day after."""
        return self.day + DAY

    @property
    def is_today(self) -> bool:
        """Return whether it is today."""
        return self.day == self.now.date()

    @property
    def passed(self) -> list[TelescopeSlot]:
        """Return the slots that have begun."""
        return [slot for slot in self.slots if slot.start <= self.now]

    @property
    def coming(self) -> list[TelescopeSlot]:
        """Return the slots that have not begun."""
        return [slot for slot in self.slots if slot.start > self.now]


def read_day(session: Session, day: date) -> DayPlan:
    """Read the plan of a day, UTC, with two statements at most."""
    begin = _begin(day)
    rows = session.scalars(
        select(Observation)
        .where(
            Observation.start_time > begin - _LONGEST,
            Observation.start_time < begin + DAY,
            Observation.end_time > begin,
        )
        .order_by(Observation.start_time, Observation.id)
        .limit(MOST_SHOWN + 1)
    ).all()
    before, after = (None, None) if rows else _nearest(session, begin)
    slots = [slot_of(row) for row in rows[:MOST_SHOWN]]
    return DayPlan(day, slots, len(rows) <= MOST_SHOWN, datetime.now(UTC), before, after)


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _nearest(session: Session, begin: datetime) -> tuple[date | None, date | None]:
    last = select(func.max(Observation.start_time)).where(Observation.start_time < begin)
    first = select(func.min(Observation.start_time)).where(Observation.start_time >= begin + DAY)
    before, after = session.execute(select(last.scalar_subquery(), first.scalar_subquery())).one()
    return before and before.date(), after and after.date()
