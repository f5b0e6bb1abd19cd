"""`/tasks/`: the table of all observations, newest first."""

from flask import Blueprint, Response, get_template_attribute, render_template

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.page import page
from atdb_api.gui.status_groups import by_group
from atdb_api.gui.tasks.task_address import newest, task_address
from atdb_api.reads import task_table
from atdb_api.reads.task_query import TaskQuery
from atdb_api.reads.task_row import TaskRow
from atdb_api.reads.task_table import MOST_COUNTED, TaskTable
from atdb_interface.actions import Action
from atdb_interface.roles import Capability

views = Blueprint("tasks", __name__, url_prefix="/tasks")

HEADS = (
    ("taskID", "TaskID"),
    ("observing_mode", "Mode"),
    ("name", "Name"),
    ("my_status", "Status"),
    ("starttime", "Start"),
    ("endtime", "Stop"),
    ("size", "Size"),
    (None, "Progress"),
    ("status_since", "Time in status"),
)


@views.get("/")
@page(Capability.READ)
def table(session: Session) -> str:
    """Show a page of the table."""
    address = task_address()
    table = task_table.read(session, address.query)
    return render_template(
        "gui/tasks.html",
        address=address,
        table=table,
        versions=live.versions(_parts(table)),
        total=_total(session, address.query),
        newest=task_table.newest_id(session),
        heads=HEADS,
        groups=by_group(),
        modes=task_table.observing_modes(session),
        hosts=task_table.data_hosts(session),
        actions=list(Action),
    )


@views.get("/rows/")
@page(Capability.READ)
def rows(session: Session) -> Response:
    """Return the rows of a page that have changed, and the observations that are new since it was loaded."""
    query = task_address().query
    table = task_table.read(session, query)
    fresh = task_table.newer_than(session, query, newest())
    return live.answer(_parts(table), total=_total(session, query), fresh=fresh)


def _parts(table: TaskTable) -> list[live.Part]:
    return [_part(task) for task in table.tasks]


def _part(task: TaskRow) -> live.Part:
    def write() -> str:
        row = get_template_attribute("gui/task_row.html", "row")
        return str(row(task, part.version))

    part = live.Part(task.task_id, task, write)
    return part


def _total(session: Session, query: TaskQuery) -> str:
    count = task_table.count(session, query)
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"
