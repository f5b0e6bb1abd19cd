"""`/plan/?day=2019-04-08`: the observations of a day, as a timeline and as a list."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask import Blueprint, Response, render_template, request

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.overviews.timetable import Timetable, arrange
from atdb_api.gui.page import page
from atdb_api.reads.day_plan import DayPlan, read_day
from atdb_api.reads.telescope import DAY
from atdb_api.search import filters
from atdb_interface.fields import EARLIEST, LATEST
from atdb_interface.roles import Capability

views = Blueprint("plan", __name__, url_prefix="/plan")


@dataclass(frozen=True)
class PlanPage:
    """The plan of a day, and its drawing."""

    plan: DayPlan
    table: Timetable


@views.get("/")
@page(Capability.READ)
def show(session: Session) -> str:
    """Show the plan of a day; by default, today."""
    plan_page = _read(session)
    return render_template(
        "gui/plan.html", plan=plan_page.plan, page=plan_page, versions=live.versions(_parts(plan_page))
    )


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(_read(session)))


def _read(session: Session) -> PlanPage:
    plan = read_day(session, _day())
    return PlanPage(plan, arrange(plan.begin, plan.slots))


def _day() -> date:
    text = request.args.get("day", "")
    if not text:
        return datetime.now(UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise filters.unreadable("day", "is not a day such as 2019-04-08") from None
    if not EARLIEST.date() < day < LATEST.date() - DAY:
        raise filters.unreadable("day", "must be in the years 1971 to 2198")
    return day


def _parts(plan_page: PlanPage) -> list[live.Part]:
    plan = plan_page.plan
    minute = plan.now.replace(second=0, microsecond=0) if plan.is_today else None
    facts = {
        "timeline": (plan_page.table, minute),
        "list": (plan.slots, len(plan.passed), plan.is_today, plan.before, plan.after),
    }
    return [part("gui/plan_parts.html", name, of_part, plan_page) for name, of_part in facts.items()]
