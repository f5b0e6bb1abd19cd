"""`/tasks/`: the table of all tasks, newest first."""

from flask import Blueprint, Response, get_template_attribute, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.page import page
from atdb_api.gui.status_groups import by_group
from atdb_api.gui.tasks.task_query import Asked, asked, newest
from atdb_api.models import Observation
from atdb_api.reads.task_table import MOST_COUNTED, Found, Task, choices, count, read
from atdb_api.roles import Role
from atdb_interface.actions import Action

views = Blueprint("tasks", __name__, url_prefix="/tasks")

#: The browser is told of so many that are new, besides those on its page.
_MOST_FRESH = 100
HEADS = (
    ("taskID", "TaskID"),
    ("observing_mode", "Mode"),
    ("name", "Name"),
    ("my_status", "Status"),
    ("starttime", "Start"),
    ("endtime", "Stop"),
    ("size", "Size"),
    (None, "Progress"),
    ("status_since", "In it for"),
)


@views.get("/")
@page(Role.VIEWER)
def table(session: Session) -> str:
    """Show a page of the table."""
    ask = asked()
    found = read(session, ask)
    return render_template(
        "gui/tasks.html",
        asked=ask,
        found=found,
        versions=live.versions(_parts(found)),
        total=_total(session, ask),
        newest=session.scalar(select(func.max(Observation.id))) or 0,
        heads=HEADS,
        groups=by_group(),
        modes=choices(session, Observation.observing_mode),
        hosts=choices(session, Observation.data_host),
        actions=list(Action),
    )


@views.get("/rows/")
@page(Role.VIEWER)
def rows(session: Session) -> Response:
    """Give the rows of a page that have changed, and which tasks are new since it was loaded."""
    ask = asked()
    found = read(session, ask)
    fresh = select(Observation.task_id).where(*ask.where(), Observation.id > newest()).limit(_MOST_FRESH)
    return live.answer(_parts(found), total=_total(session, ask), fresh=list(session.scalars(fresh)))


def _parts(found: Found) -> list[live.Part]:
    return [_part(task) for task in found.tasks]


def _part(task: Task) -> live.Part:
    def write() -> str:
        row = get_template_attribute("gui/row.html", "row")
        return str(row(task, part.version))

    part = live.Part(task.task_id, task, write)
    return part


def _total(session: Session, ask: Asked) -> str:
    found = count(session, ask.where())
    return f"{MOST_COUNTED:,}+" if found > MOST_COUNTED else f"{found:,}"
