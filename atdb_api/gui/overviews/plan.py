"""`/plan/?day=2019-04-08`: what the telescope does on a day, as a timeline and as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.overviews import timetable
from atdb_api.gui.overviews.timetable import DAY, Slot
from atdb_api.gui.page import page
from atdb_api.models import Observation
from atdb_api.roles import Role
from atdb_api.search import filters
from atdb_interface.fields import EARLIEST, LATEST

views = Blueprint("plan", __name__, url_prefix="/plan")

#: So many of a day are shown; the table of tasks has them all.
MOST_SHOWN = 500
#: None takes longer: the field sets before. So what may reach into a day is found by its start.
_LONGEST = timedelta(days=2)


@dataclass(frozen=True)
class Plan:
    """A day. `before`, `after`: of one on which nothing is planned, the nearest on which something is."""

    day: date
    table: timetable.Timetable
    is_all: bool
    now: datetime
    before: date | None = None
    after: date | None = None

    @property
    def previous(self) -> date:
        """Give the day before."""
        return self.day - DAY

    @property
    def next(self) -> date:
        """Give the day after."""
        return self.day + DAY

    @property
    def is_today(self) -> bool:
        """Tell whether it is today."""
        return self.day == self.now.date()

    @property
    def passed(self) -> list[Slot]:
        """Give what has begun."""
        return [slot for slot in self.table.slots if slot.start <= self.now]

    @property
    def coming(self) -> list[Slot]:
        """Give what has yet to begin."""
        return [slot for slot in self.table.slots if slot.start > self.now]


@views.get("/")
@page(Role.VIEWER)
def show(session: Session) -> str:
    """Show a day, or today."""
    plan = _read(session, _day())
    return render_template("gui/plan.html", plan=plan, versions=live.versions(_parts(plan)))


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session) -> Response:
    """Give the parts of the page that have changed."""
    return live.answer(_parts(_read(session, _day())))


def _day() -> date:
    text = request.args.get("day", "")
    if not text:
        return datetime.now(UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise filters.unreadable("day", "is not a day such as 2019-04-08") from None
    if not EARLIEST.date() < day < LATEST.date() - DAY:
        raise filters.unreadable("day", "is not between 1970 and 2200")
    return day


def _parts(plan: Plan) -> list[live.Part]:
    minute = plan.now.replace(second=0, microsecond=0) if plan.is_today else None
    facts = {
        "timeline": (plan.table, minute),
        "list": (plan.table.slots, len(plan.passed), plan.is_today, plan.before, plan.after),
    }
    return [part("gui/plan_parts.html", name, of, plan) for name, of in facts.items()]


def _read(session: Session, day: date) -> Plan:
    now = datetime.now(UTC)
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
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
    return Plan(day, _timetable(begin, rows[:MOST_SHOWN]), len(rows) <= MOST_SHOWN, now, before, after)


def _timetable(begin: datetime, rows: Sequence[Observation]) -> timetable.Timetable:
    return timetable.arrange(
        begin,
        [timetable.Slot(o.task_id, o.name, o.observing_mode, o.status, o.start_time, o.end_time) for o in rows],
    )


def _nearest(session: Session, begin: datetime) -> tuple[date | None, date | None]:
    last = select(func.max(Observation.start_time)).where(Observation.start_time < begin)
    first = select(func.min(Observation.start_time)).where(Observation.start_time >= begin + DAY)
    before, after = session.execute(select(last.scalar_subquery(), first.scalar_subquery())).one()
    return before and before.date(), after and after.date()
