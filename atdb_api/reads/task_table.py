"""Read a page of the table of observations. The time does not depend on the length of the history."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, column, func, select
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.reads.task_query import AFTER, TaskQuery
from atdb_api.reads.task_row import TaskRow, select_tasks, task_row
from atdb_api.search import columns, filters
from atdb_api.search.keyset import Keyset, Term

PAGE_SIZE = 50
#: Larger numbers are not counted.
MOST_COUNTED = 1000
#: The maximum number of new observations that the browser is informed of.
_MOST_NEW = 100
_MOST_CHOICES = 200


@dataclass(frozen=True)
class TaskTable:
    """A page of observations. `newer`: where the page before ends; `older`: where the page after begins."""

    tasks: list[TaskRow]
    newer: str | None
    older: str | None


def read(session: Session, query: TaskQuery) -> TaskTable:
    """Read the page that a query asks for. Raises BadRequest."""
    keyset, is_back = _keyset(query.ordering), bool(query.before)
    direction = keyset.reversed() if is_back else keyset
    statement = select_tasks().where(*query.where())
    if place := query.before or query.after:
        try:
            statement = statement.where(direction.after(keyset.read(place)))
        except ValueError:
            raise filters.unreadable(AFTER, "is not a place in this ordering") from None
    rows = session.execute(statement.order_by(*direction.order_by).limit(PAGE_SIZE + 1)).all()
    is_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if is_back:
        rows = rows[::-1]
    first, last = (keyset.write(keyset.values_of(rows[n][0])) if rows else None for n in (0, -1))
    return TaskTable(
        tasks=[task_row(*row) for row in rows],
        newer=first if (is_more if is_back else query.after) else None,
        older=last if is_more or is_back else None,
    )


def count(session: Session, query: TaskQuery) -> int:
    """Count the observations that match, up to MOST_COUNTED + 1."""
    some = select(Observation.id).where(*query.where()).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def newest_id(session: Session) -> int:
    """Return the id of the newest observation; 0 if there is none."""
    return session.scalar(select(func.max(Observation.id))) or 0


def newer_than(session: Session, query: TaskQuery, newest: int) -> list[str]:
    """Return the taskIDs that match and are newer than the observation with this id."""
    newer = select(Observation.task_id).where(*query.where(), Observation.id > newest)
    return list(session.scalars(newer.limit(_MOST_NEW)))


def observing_modes(session: Session) -> list[str]:
    """Return the observing modes of all observations."""
    return _choices(session, Observation.observing_mode)


def data_hosts(session: Session) -> list[str]:
    """Return the data hosts of all observations."""
    return _choices(session, Observation.data_host)


def _choices(session: Session, field: Any) -> list[str]:
    """Return the distinct values of an indexed field, with one index lookup for each."""
    first = select(func.min(field).label("value")).cte("values", recursive=True)
    after = select(func.min(field)).where(field > first.c.value).scalar_subquery()
    values = first.union(select(after).where(first.c.value.is_not(None)))
    choices = select(column("value", Text)).select_from(values).where(values.c.value.is_not(None))
    return list(session.scalars(choices.limit(_MOST_CHOICES)))


def _keyset(ordering: str) -> Keyset:
    first: Any = columns.OBSERVATION_COLUMNS[ordering.removeprefix("-")]
    ties = (tie for tie in (Observation.start_time, Observation.id) if tie is not first)
    return Keyset(tuple(Term(column, ordering.startswith("-")) for column in (first, *ties)))
