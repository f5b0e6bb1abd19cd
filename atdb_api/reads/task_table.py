"""Read a page of the table of tasks: a few statements, as fast with a long history as with a short one."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, column, func, literal, select, tuple_
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.reads.task_query import AFTER, TaskQuery
from atdb_api.reads.task_row import TaskRow, select_tasks, task_row
from atdb_api.search import columns, filters

PAGE_SIZE = 50
#: Nobody counts further.
MOST_COUNTED = 1000
#: The browser is told of so many that are new, besides those on its page.
_MOST_NEW = 100
_MOST_CHOICES = 200


@dataclass(frozen=True)
class TaskTable:
    """A page of tasks. `newer`: the place before which the page beside it is; `older`: the place after which."""

    tasks: list[TaskRow]
    newer: str | None
    older: str | None


def read(session: Session, query: TaskQuery) -> TaskTable:
    """Read the page that is asked for. Raises BadRequest."""
    terms = _terms(query.ordering)
    is_back = bool(query.before)
    descending = query.ordering.startswith("-") is not is_back
    statement = select_tasks().where(*query.where())
    if place := query.before or query.after:
        values = tuple_(*(literal(v, t.type) for v, t in zip(_read(place, terms), terms, strict=True)))
        here = tuple_(*terms)
        statement = statement.where(here < values if descending else here > values)
    order = [term.desc() if descending else term.asc() for term in terms]
    rows = session.execute(statement.order_by(*order).limit(PAGE_SIZE + 1)).all()
    is_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if is_back:
        rows = rows[::-1]
    first, last = (_place(rows[0][0], terms), _place(rows[-1][0], terms)) if rows else (None, None)
    return TaskTable(
        tasks=[task_row(*row) for row in rows],
        newer=first if (is_more if is_back else query.after) else None,
        older=last if is_more or is_back else None,
    )


def count(session: Session, query: TaskQuery) -> int:
    """Count what matches; what is more than MOST_COUNTED counts as one more."""
    some = select(Observation.id).where(*query.where()).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def newest_id(session: Session) -> int:
    """Return the id of the newest task; 0 if there is none."""
    return session.scalar(select(func.max(Observation.id))) or 0


def newer_than(session: Session, query: TaskQuery, newest: int) -> list[str]:
    """Return the taskIDs that match and are newer than the task with this id."""
    newer = select(Observation.task_id).where(*query.where(), Observation.id > newest)
    return list(session.scalars(newer.limit(_MOST_NEW)))


def observing_modes(session: Session) -> list[str]:
    """Return the observing modes that there are."""
    return _choices(session, Observation.observing_mode)


def data_hosts(session: Session) -> list[str]:
    """Return the data hosts that there are."""
    return _choices(session, Observation.data_host)


def _choices(session: Session, field: Any) -> list[str]:
    """Return the values that an indexed field has, going from each to the next."""
    first = select(func.min(field).label("value")).cte("values", recursive=True)
    after = select(func.min(field)).where(field > first.c.value).scalar_subquery()
    values = first.union(select(after).where(first.c.value.is_not(None)))
    choices = select(column("value", Text)).select_from(values).where(values.c.value.is_not(None))
    return list(session.scalars(choices.limit(_MOST_CHOICES)))


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
