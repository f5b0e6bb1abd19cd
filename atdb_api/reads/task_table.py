"""Read a page of the table of tasks: a few statements, as fast with a long history as with a short one."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, column, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from atdb_api.gui.tasks.task_query import AFTER, BEFORE, Asked
from atdb_api.models import Lease, Observation
from atdb_api.search import columns, filters
from atdb_api.services.progress import Progress, progress_of
from atdb_interface.lifecycle import Status

PAGE_SIZE = 50
#: Nobody counts further.
MOST_COUNTED = 1000
_MOST_CHOICES = 200
_OVERDUE: Any = columns.OBSERVATION_COLUMNS["overdue"]


@dataclass(frozen=True)
class Task:
    """One row of the table. `owner` and `progress`: of the work on it, if there is any."""

    id: int
    task_id: str
    mode: str
    name: str
    status: Status
    held_from: Status | None
    since: datetime
    start: datetime
    end: datetime
    size_bytes: int
    data_host: str
    is_overdue: bool
    owner: str | None
    progress: Progress | None


@dataclass(frozen=True)
class Found:
    """A page of tasks, and the addresses of those beside it."""

    tasks: list[Task]
    newer: str | None
    older: str | None


def of_tasks() -> Select[Observation, Lease | None, bool]:
    """Select what a row of the table is written from."""
    return select(Observation, Lease, _OVERDUE.label("is_overdue")).outerjoin(
        Lease, Lease.observation_id == Observation.id
    )


def task(row: Observation, lease: Lease | None, is_overdue: bool) -> Task:
    """Make a row of the table."""
    return Task(
        id=row.id,
        task_id=row.task_id,
        mode=row.observing_mode,
        name=row.name,
        status=row.status,
        held_from=row.held_from,
        since=row.status_since,
        start=row.start_time,
        end=row.end_time,
        size_bytes=row.size_bytes,
        data_host=row.data_host,
        is_overdue=is_overdue,
        owner=lease.owner if lease else None,
        progress=progress_of(lease) if lease else None,
    )


def read(session: Session, asked: Asked) -> Found:
    """Read the page that an address asks for. Raises BadRequest."""
    terms = _terms(asked.ordering)
    is_back = bool(asked.before)
    descending = asked.ordering.startswith("-") is not is_back
    query = of_tasks().where(*asked.where())
    if place := asked.before or asked.after:
        values = tuple_(*(literal(v, t.type) for v, t in zip(_read(place, terms), terms, strict=True)))
        here = tuple_(*terms)
        query = query.where(here < values if descending else here > values)
    order = [term.desc() if descending else term.asc() for term in terms]
    rows = session.execute(query.order_by(*order).limit(PAGE_SIZE + 1)).all()
    is_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if is_back:
        rows = rows[::-1]
    first, last = (_place(rows[0][0], terms), _place(rows[-1][0], terms)) if rows else ("", "")
    return Found(
        tasks=[task(*row) for row in rows],
        newer=asked.address(**{BEFORE: first}) if first and (is_more if is_back else bool(asked.after)) else None,
        older=asked.address(**{AFTER: last}) if last and (is_more or is_back) else None,
    )


def count(session: Session, conditions: list[ColumnElement[bool]], most: int = MOST_COUNTED) -> int:
    """Count what matches; what is more than the most counts as one more."""
    some = select(Observation.id).where(*conditions).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def choices(session: Session, field: InstrumentedAttribute[str]) -> list[str]:
    """Give the values that an indexed field has, going from each to the next."""
    first = select(func.min(field).label("value")).cte("values", recursive=True)
    after = select(func.min(field)).where(field > first.c.value).scalar_subquery()
    values = first.union(select(after).where(first.c.value.is_not(None)))
    found = select(column("value", Text)).select_from(values).where(values.c.value.is_not(None))
    return list(session.scalars(found.limit(_MOST_CHOICES)))


def _terms(ordering: str) -> list[Any]:
    first = columns.OBSERVATION_COLUMNS[ordering.removeprefix("-")]
    ties = [Observation.start_time, Observation.id]
    return [first, *(tie for tie in ties if tie is not first)]


def _place(row: Observation, terms: list[Any]) -> str:
    values = [getattr(row, term.key) for term in terms]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(place: str, terms: list[Any]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if len(values) != len(terms):
            raise ValueError("another ordering")
        return [_value(term.type.python_type, value) for term, value in zip(terms, values, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise filters.unreadable(AFTER, "is no place that ATDB gave for this ordering") from None


def _value(kind: type, value: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if type(value) is not kind or "\0" in str(value):
        raise ValueError("no value of this column")
    return value
