"""Read a page of the table of tasks: a few statements, as fast with a long history as with a short one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, column, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from atdb_api.gui.tasks.task_query import AFTER, BEFORE, Asked
from atdb_api.models import Lease, Observation
from atdb_api.search import columns, filters
from atdb_api.search.keyset import Keyset, Term
from atdb_interface.lifecycle import Status

PAGE_SIZE = 50
#: Nobody counts further.
MOST_COUNTED = 1000
_MOST_CHOICES = 200
_NO_WORK = (None, None, None, None, None)
_OVERDUE: Any = columns.OBSERVATION_COLUMNS["overdue"]


@dataclass(frozen=True)
class Task:
    """One row of the table. `done_bytes` of `total_bytes` since `began_at`, where its owner tells that."""

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
    began_at: datetime | None
    done_bytes: int | None
    total_bytes: int | None
    trouble: str | None

    @property
    def percent(self) -> int | None:
        """Tell how far the work is."""
        if self.done_bytes is None or not self.total_bytes:
            return None
        return min(100, self.done_bytes * 100 // self.total_bytes)

    @property
    def left(self) -> timedelta | None:
        """Tell how long the work still takes, if it goes on as it did."""
        if not (self.done_bytes and self.total_bytes and self.began_at):
            return None
        worked = datetime.now(UTC) - self.began_at
        return worked * max(0.0, self.total_bytes / self.done_bytes - 1)


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
    work = (lease.owner, lease.began_at, lease.done_bytes, lease.total_bytes, lease.trouble) if lease else _NO_WORK
    owner, began_at, done_bytes, total_bytes, trouble = work
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
        owner=owner,
        began_at=began_at,
        done_bytes=done_bytes,
        total_bytes=total_bytes,
        trouble=trouble,
    )


def read(session: Session, asked: Asked) -> Found:
    """Read the page that an address asks for. Raises BadRequest."""
    keyset, is_back = _keyset(asked.ordering), bool(asked.before)
    direction = keyset.reversed() if is_back else keyset
    query = of_tasks().where(*asked.where())
    if place := asked.before or asked.after:
        try:
            query = query.where(direction.after(keyset.read(place)))
        except ValueError:
            raise filters.unreadable(AFTER, "is no place that ATDB gave for this ordering") from None
    rows = session.execute(query.order_by(*direction.order_by).limit(PAGE_SIZE + 1)).all()
    is_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if is_back:
        rows = rows[::-1]
    first, last = (keyset.write(keyset.values_of(rows[n][0])) if rows else "" for n in (0, -1))
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


def _keyset(ordering: str) -> Keyset:
    first: Any = columns.OBSERVATION_COLUMNS[ordering.removeprefix("-")]
    ties = (tie for tie in (Observation.start_time, Observation.id) if tie is not first)
    return Keyset(tuple(Term(column, ordering.startswith("-")) for column in (first, *ties)))
