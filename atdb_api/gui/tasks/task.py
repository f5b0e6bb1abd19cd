"""`/tasks/<taskID>/`: all of one task, and what can be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, get_template_attribute, render_template, request, url_for
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.formats import moment
from atdb_api.gui.page import done, page
from atdb_api.gui.tasks.available_actions import (
    NEEDS,
    deeds,
    may_act,
    require_as_seen,
    require_deed,
    require_reason,
)
from atdb_api.gui.tasks.products import Products, read_products
from atdb_api.models import Change, Claim, Event, Observation, Receipt, Transition
from atdb_api.reads.status_periods import Run, Stay, run_of, runs, stays
from atdb_api.reads.task_table import Task, of_tasks, task
from atdb_api.rest import auth
from atdb_api.roles import Role
from atdb_api.search import columns
from atdb_api.services import locks, observations
from atdb_api.services.explain.builder import subject
from atdb_api.services.explain.sentences import explain_subject
from atdb_interface.errors import AtdbError, NotFound
from atdb_interface.lifecycle import Status, allowed_next
from atdb_interface.models import ObservationChange

views = Blueprint("task", __name__, url_prefix="/tasks/<task_id>")

#: Up to this many receipts, edits and events are shown; the API has them all.
MOST_SHOWN = 50
#: The fields of a specification, as a person would look for them.
FIELDS = (
    ("Field", "field_name field_ra field_dec field_ha field_beam beamPattern telescopes"),
    ("Setup", "task_type process_type science_mode central_frequency start_band end_band integration_factor "
     "number_of_bins par_file_name parset_location control_parameters"),
    ("Data", "data_location node irods_collection skip_auto_ingest priority creationTime duration options"),
)  # fmt: skip
#: That a stage notes the size and checksum of a product is no edit to somebody who reads this.
_BY_PEOPLE = Change.dataproduct.is_(None) | (Change.action != "edited")
UNITS = {
    "field_ra": "°",
    "field_dec": "°",
    "field_ha": "°",
    "central_frequency": " MHz",
    "duration": " s",
}


@dataclass(frozen=True)
class Happened:
    """An event of a task."""

    id: int
    at: datetime
    kind: str
    detail: str


@dataclass(frozen=True)
class Told:
    """All that the page tells of a task. `why`: why it is not moving."""

    task: Task
    row: Observation
    why: str
    stays: list[Stay]
    runs: list[Run]
    worker: Run | None
    products: Products
    receipts: Sequence[Receipt]
    changes: Sequence[Change]
    events: list[Happened]


@views.get("/")
@page(Role.VIEWER)
def show(session: Session, task_id: str) -> str:
    """Show a task."""
    return _written(session, task_id)


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session, task_id: str) -> Response:
    """Give the parts of the page that have changed."""
    return live.answer(_parts(_told(session, task_id)))


def _refused(session: Session, error: AtdbError, task_id: str) -> str:
    return _written(session, task_id, error)


@views.post("/")
@page(NEEDS, refused=_refused)
def act(session: Session, task_id: str) -> Response:
    """Do what the form asks for, if the task is still as it was shown."""
    row = locks.lock_observation(session, task_id)
    require_as_seen(session, row, request.form.get("seen", ""))
    action = require_deed(row, request.form.get("action", ""))
    before, reason = row.status, request.form.get("reason", "").strip()
    require_reason(action, reason)
    observations.change(session, row, ObservationChange(action=action, reason=reason), actor=auth.actor())
    return done(f"{task_id}: {action} done, {before} → {row.status}.", url_for(".show", task_id=task_id))


def _written(session: Session, task_id: str, problem: AtdbError | None = None) -> str:
    told = _told(session, task_id)
    given = request.args if problem is None else request.form
    possible = deeds(told.task.status, told.task.held_from)
    return render_template(
        "gui/task.html",
        told=told,
        task=told.task,
        versions=live.versions(_parts(told)),
        fields=_fields(told.row),
        possible=possible,
        chosen=next((deed for deed in possible if may_act() and deed.action == given.get("action")), None),
        reason=given.get("reason", ""),
        back=given.get("back", ""),
        problem=problem,
    )


def _told(session: Session, task_id: str) -> Told:
    asked = (
        of_tasks()
        .add_columns(_events(task_id), Claim.consumer, Claim.created_at)
        .outerjoin(Claim, Claim.id == Observation.claim_id)
        .where(Observation.task_id == task_id)
    )
    found = session.execute(asked).one_or_none()
    if found is None:
        raise NotFound(f"no observation has taskID {task_id}")
    row, lease, is_overdue, events, consumer, claimed_at = found
    steps = session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id)
    ).all()
    now = datetime.now(UTC)
    return Told(
        task=task(row, lease, is_overdue),
        row=row,
        why=explain_subject(session, subject(row, lease, steps[-1], consumer, claimed_at), now),
        stays=stays(steps, now, is_ended=not allowed_next(row.status, row.held_from)),
        runs=runs(steps),
        worker=run_of(lease.owner, lease.began_at) if lease else None,
        products=read_products(session, row),
        receipts=_receipts(session, task_id) if Status.REMOVING in {step.status for step in steps} else [],
        changes=session.scalars(
            select(Change)
            .where(Change.task_id == task_id, _BY_PEOPLE)
            .order_by(Change.id.desc())
            .limit(MOST_SHOWN + 1)
        ).all(),
        events=[Happened(id_, datetime.fromisoformat(at), kind, detail) for id_, at, kind, detail in events],
    )


def _events(task_id: str) -> ColumnElement[Any]:
    """Select the events of a task, newest first, as one value: a page takes ten statements at most."""
    theirs = select(Event).where(Event.task_id == task_id).order_by(Event.id.desc()).limit(MOST_SHOWN + 1)
    some = theirs.subquery()
    one = func.jsonb_build_array(some.c.id, some.c.at, some.c.kind, some.c.detail)
    newest_first = aggregate_order_by(one, some.c.id.desc())
    return select(func.coalesce(func.jsonb_agg(newest_first), text("'[]'::jsonb"))).scalar_subquery()


def _receipts(session: Session, task_id: str) -> Sequence[Receipt]:
    theirs = select(Receipt).where(Receipt.task_id == task_id).order_by(Receipt.id.desc())
    return session.scalars(theirs.limit(MOST_SHOWN + 1)).all()


def _parts(told: Told) -> list[live.Part]:
    """Divide the page: what each part is written from, and the macro of its name that writes it."""
    facts: dict[str, Any] = {
        "head": told.task,
        "why": told.why,
        "timeline": [(stay.since, stay.reason) for stay in told.stays],
        "products": told.products.facts,
        "runs": (told.runs, told.task.owner),
        "receipts": [receipt.id for receipt in told.receipts],
        "changes": [change.id for change in told.changes],
        "events": [each.id for each in told.events],
    }
    return [_part(name, of, told) for name, of in facts.items()]


def _part(name: str, facts: Any, told: Told) -> live.Part:
    def write() -> str:
        return str(get_template_attribute("gui/task_parts.html", name)(told, part.version))

    part = live.Part(name, facts, write)
    return part


def _fields(row: Observation) -> dict[str, dict[str, Any]]:
    values = columns.values(row, columns.OBSERVATION_FIELDS)
    return {
        title: {
            name: _written_value(value) + UNITS.get(name, "")
            for name in names.split()
            if (value := values[name]) is not None and value != {}
        }
        for title, names in FIELDS
    }


def _written_value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{moment(value)} UTC"
        case dict():
            return ", ".join(f"{name} {each}" for name, each in value.items())
    return str(value)
