"""One observation, as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from atdb_api.models import Change, Claim, Event, Observation, Receipt, Transition
from atdb_api.reads.airflow_runs import AirflowRun, runs_of
from atdb_api.reads.product_list import ProductList, read_products
from atdb_api.reads.status_periods import StatusPeriod, status_periods
from atdb_api.reads.task_row import TaskRow, select_tasks, task_row
from atdb_api.search import columns
from atdb_api.services.explain.builder import CLAIM, removal, subject
from atdb_api.services.explain.sentences import explain_subject
from atdb_interface.errors import NotFound
from atdb_interface.lifecycle import Status, allowed_next

#: Up to this many receipts, edits and events are shown; the API has them all.
MOST_SHOWN = 50
#: A size or checksum that a stage records for a product is not shown as an edit.
_BY_PEOPLE = Change.dataproduct.is_(None) | (Change.action != "edited")


@dataclass(frozen=True)
class TaskEvent:
    """An event of an observation."""

    id: int
    at: datetime
    kind: str
    detail: str


@dataclass(frozen=True)
class TaskReceipt:
    """A data product that was removed from a data host, and the copy in the archive."""

    id: int
    at: datetime
    dataproduct: str
    size: int | None
    data_location: str
    archive_copy: str | None
    actor: str
    owner: str | None
    forced: bool
    reason: str


@dataclass(frozen=True)
class TaskEdit:
    """A change other than of status. `fields`: the old and the new value of each."""

    id: int
    at: datetime
    actor: str
    action: str
    dataproduct: str | None
    fields: dict[str, Any]
    reason: str


@dataclass(frozen=True)
class TaskPage:
    """An observation. `values`: its fields, by wire names; `why`: why its status does not change."""

    task: TaskRow
    values: dict[str, Any]
    why: str
    periods: list[StatusPeriod]
    runs: list[AirflowRun]
    products: ProductList
    receipts: list[TaskReceipt]
    edits: list[TaskEdit]
    events: list[TaskEvent]


def read_task(session: Session, task_id: str, products_page: int) -> TaskPage:
    """Read one observation with a page of its products, with nine statements at most. Raises NotFound."""
    row = session.execute(
        select_tasks()
        .add_columns(_events(task_id), CLAIM, removal())
        .outerjoin(Claim, Claim.id == Observation.claim_id)
        .where(Observation.task_id == task_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no observation with taskID {task_id}.")
    observation, lease, is_overdue, events, claim, proof = row
    steps = session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id)
    ).all()
    now = datetime.now(UTC)
    is_ended = not allowed_next(observation.status, observation.held_from)
    return TaskPage(
        task=task_row(observation, lease, is_overdue),
        values=columns.OBSERVATION_FIELDS.values(observation),
        why=explain_subject(session, subject(observation, lease, steps[-1], claim, proof), now),
        periods=status_periods(steps, now, is_ended=is_ended),
        runs=runs_of(steps),
        products=read_products(session, observation, products_page),
        receipts=_receipts(session, task_id) if _was_removed(steps) else [],
        edits=_edits(session, task_id),
        events=[TaskEvent(id_, datetime.fromisoformat(at), kind, detail) for id_, at, kind, detail in events],
    )


def _events(task_id: str) -> ColumnElement[Any]:
    """Select the events of an observation, newest first, as one value, which saves a statement."""
    newest = (
        select(Event).where(Event.task_id == task_id).order_by(Event.id.desc()).limit(MOST_SHOWN + 1).subquery()
    )
    one = func.jsonb_build_array(newest.c.id, newest.c.at, newest.c.kind, newest.c.detail)
    newest_first = aggregate_order_by(one, newest.c.id.desc())
    return select(func.coalesce(func.jsonb_agg(newest_first), text("'[]'::jsonb"))).scalar_subquery()


def _was_removed(steps: Sequence[Transition]) -> bool:
    return any(step.status == Status.REMOVING for step in steps)


def _receipts(session: Session, task_id: str) -> list[TaskReceipt]:
    rows = session.scalars(
        select(Receipt).where(Receipt.task_id == task_id).order_by(Receipt.id.desc()).limit(MOST_SHOWN + 1)
    )
    return [
        TaskReceipt(
            id=row.id,
            at=row.at,
            dataproduct=row.dataproduct,
            size=row.size,
            data_location=row.data_location,
            archive_copy=row.archive_copy,
            actor=row.actor,
            owner=row.owner,
            forced=row.forced,
            reason=row.reason,
        )
        for row in rows
    ]


def _edits(session: Session, task_id: str) -> list[TaskEdit]:
    rows = session.execute(
        select(Change.id, Change.at, Change.actor, Change.action, Change.dataproduct, Change.fields, Change.reason)
        .where(Change.task_id == task_id, _BY_PEOPLE)
        .order_by(Change.id.desc())
        .limit(MOST_SHOWN + 1)
    )
    return [TaskEdit(*row) for row in rows]
