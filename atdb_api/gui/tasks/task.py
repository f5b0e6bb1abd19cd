"""`/tasks/<taskID>/`: all about one observation, and the actions on it."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.formats import moment
from atdb_api.gui.fragments import part
from atdb_api.gui.page import done, page
from atdb_api.gui.tasks.available_actions import NEEDS, available_actions
from atdb_api.reads.task_page import TaskPage, read_task
from atdb_api.rest import auth
from atdb_api.rest.site import specification_rules
from atdb_api.search import filters
from atdb_api.services import operator_actions
from atdb_interface.errors import AtdbError
from atdb_interface.roles import Capability

views = Blueprint("task", __name__, url_prefix="/tasks/<task_id>")

#: The parameter with the page of the products.
PRODUCTS = "products"
#: The fields of a specification, grouped for people.
FIELDS = (
    ("Field", "field_name field_ra field_dec field_ha field_beam beamPattern telescopes"),
    ("Setup", "task_type process_type science_mode central_frequency start_band end_band integration_factor "
     "number_of_bins par_file_name parset_location control_parameters"),
    ("Data", "data_location node irods_collection skip_auto_ingest priority created_by creationTime duration "
     "options"),
)  # fmt: skip
UNITS = {
    "field_ra": "°",
    "field_dec": "°",
    "field_ha": "°",
    "central_frequency": " MHz",
    "duration": " s",
}


@views.get("/")
@page(Capability.READ)
def show(session: Session, task_id: str) -> str:
    """Show an observation."""
    return _render(session, task_id)


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session, task_id: str) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(read_task(session, task_id, _products_page())))


def _refused(session: Session, error: AtdbError, task_id: str) -> str:
    return _render(session, task_id, error)


@views.post("/")
@page(NEEDS, refused=_refused)
def act(session: Session, task_id: str) -> Response:
    """Do the action of the form, if the observation has not changed since the form was shown."""
    action, reason = request.form.get("action", ""), request.form.get("reason", "").strip()
    auth.require_for_action(action)
    before, after = operator_actions.act(
        session,
        task_id,
        action,
        seen=request.form.get("seen", ""),
        reason=reason,
        account=auth.login(),
        rules=specification_rules(),
    )
    return done(f"{task_id}: {action} done, {before} → {after}.", url_for(".show", task_id=task_id))


def _render(session: Session, task_id: str, problem: AtdbError | None = None) -> str:
    task_page = read_task(session, task_id, _products_page())
    given = request.args if problem is None else request.form
    actions = available_actions(task_page.task)
    return render_template(
        "gui/task.html",
        page=task_page,
        task=task_page.task,
        versions=live.versions(_parts(task_page)),
        fields=_fields(task_page.values),
        chosen=next((each for each in actions if each.action == given.get("action")), None),
        reason=given.get("reason", ""),
        back=given.get("back", ""),
        problem=problem,
    )


def _products_page() -> int:
    text = request.args.get(PRODUCTS) or "1"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise filters.unreadable(PRODUCTS, "is not a page number")
    return int(text)


def _parts(task_page: TaskPage) -> list[live.Part]:
    """Return the parts of the page, each with the facts that it shows."""
    facts: dict[str, Any] = {
        "head": task_page.task,
        "why": task_page.why,
        "timeline": [(period.since, period.reason) for period in task_page.periods],
        "products": task_page.products,
        "runs": (task_page.runs, task_page.task.owner),
        "receipts": [receipt.id for receipt in task_page.receipts],
        "changes": [edit.id for edit in task_page.edits],
        "events": [event.id for event in task_page.events],
    }
    return [part("gui/task_parts.html", name, of_part, task_page) for name, of_part in facts.items()]


def _fields(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        title: {
            name: _value_text(value) + UNITS.get(name, "")
            for name in names.split()
            if (value := values[name]) is not None and value != {}
        }
        for title, names in FIELDS
    }


def _value_text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{moment(value)} UTC"
        case dict():
            return ", ".join(f"{name} {each}" for name, each in value.items())
    return str(value)
