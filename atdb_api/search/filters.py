"""Django's lookups in the URL of a list: `?my_status__in=valid,ingesting&starttime__gte=2019-04-08`.

`__in` and `__range` take lists, as `atdb_interface/query_lists.py` defines them.
`__exclude` after a lookup, or alone, returns all that the lookup does not match, including items without a value.
Times are compared to the second, as the API shows them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, literal, not_, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute

from atdb_api.models import StatusText
from atdb_interface import query_lists
from atdb_interface.errors import BadRequest
from atdb_interface.field_errors import message_of
from atdb_interface.fields import Time
from atdb_interface.time_patterns import DAY_PATTERN, TIME_PATTERN

#: More are refused, because no client needs them and each takes time in the database.
MOST_PARAMETERS = 100
#: Each filter on a field with several rows is a further table of the query. With many, PostgreSQL takes seconds to
#: plan it.
MOST_RELATED = 12
MOST_VALUES = 5000

UNKNOWN_PARAMETER = "unknown parameter. See /atdb/docs/ for valid fields and lookups."
_SECOND = timedelta(seconds=1)
_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True)
class Related:
    """A field with several rows of another table: a lookup matches an item if it matches any of them."""

    column: ColumnElement[Any] | InstrumentedAttribute[Any]
    link: ColumnElement[bool]


Column = ColumnElement[Any] | InstrumentedAttribute[Any]
Columns = Mapping[str, Column | Related]


@dataclass(frozen=True)
class ColumnKind:
    """The form of one type of values in a URL: the pattern, the function that reads it, and the error message."""

    pattern: str
    read: Callable[[str], Any]
    otherwise: str


TEXT = ColumnKind(r"^[^\x00]*$", str, "holds a NUL character")
INTEGER = ColumnKind(r"^-?[0-9]{1,19}$", int, "is not a whole number")
NUMBER = ColumnKind(r"^-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$", float, "is not a number")
BOOLEAN = ColumnKind(
    r"^([Tt]rue|[Ff]alse|1|0)$", lambda text: text.lower() in ("true", "1"), "is neither true nor false"
)
TIME = ColumnKind(TIME_PATTERN, TypeAdapter(Time).validate_python, "is not a time such as 2019-04-05T21:03:02Z")
DAY = ColumnKind(DAY_PATTERN, date.fromisoformat, "is not a day such as 2019-04-05")
_KINDS: dict[type, ColumnKind] = {int: INTEGER, float: NUMBER, bool: BOOLEAN, datetime: TIME, date: DAY}


@cache
def status_kind(statuses: type[StrEnum]) -> ColumnKind:
    """Create the kind of a closed set of statuses."""
    escaped = (status.replace("(", r"\(").replace(")", r"\)") for status in statuses)
    return ColumnKind(
        f"^({'|'.join(escaped)})$", statuses, f"is not a status; the statuses are {', '.join(statuses)}"
    )


def several(kind: ColumnKind) -> str:
    """Return the pattern of a list of values. Only texts have commas and backslashes."""
    if kind is TEXT:
        return query_lists.PATTERN
    one = kind.pattern.removeprefix("^").removesuffix("$")
    return f"^{one}(,{one})*$"


def two(kind: ColumnKind) -> str:
    """Return the pattern of a list of two values."""
    one = query_lists.VALUE if kind is TEXT else kind.pattern.removeprefix("^").removesuffix("$")
    return f"^{one},{one}$"


def column_kind(column: Column | Related) -> ColumnKind:
    """Return the kind of the values of a column."""
    if isinstance(column, Related):
        column = column.column
    if isinstance(column.type, StatusText):
        return status_kind(column.type.statuses)
    if isinstance(column.type, JSONB):
        return TEXT
    return _KINDS.get(column.type.python_type, TEXT)


COMPARISONS: dict[str, Callable[[Column, Any], ColumnElement[bool]]] = {
    "exact": lambda column, value: column == value,
    "gt": lambda column, value: column > literal(value),
    "gte": lambda column, value: column >= literal(value),
    "lt": lambda column, value: column < literal(value),
    "lte": lambda column, value: column <= literal(value),
}
_TIME_COMPARISONS: dict[str, Callable[[Column, datetime], ColumnElement[bool]]] = {
    "exact": lambda column, value: and_(column >= _first(value), column < _after(value)),
    "gt": lambda column, value: column >= _after(value),
    "gte": lambda column, value: column >= _first(value),
    "lt": lambda column, value: column < _first(value),
    "lte": lambda column, value: column < _after(value),
}
TEXT_MATCHES: dict[str, Callable[[Column, str], ColumnElement[bool]]] = {
    "contains": lambda column, value: column.like(f"%{value}%", escape="\\"),
    "icontains": lambda column, value: column.ilike(f"%{value}%", escape="\\"),
    "startswith": lambda column, value: column.like(f"{value}%", escape="\\"),
    "endswith": lambda column, value: column.like(f"%{value}", escape="\\"),
}
LOOKUPS = (*COMPARISONS, "ne", *TEXT_MATCHES, "in", "range", "isnull")


def where(columns: Columns, parameters: Iterable[tuple[str, str]]) -> list[ColumnElement[bool]]:
    """Return the filters of a list as conditions, all of which must match.

    The parts of a split list are one filter. Raises BadRequest, which names the filter that is wrong.
    """
    parameters = list(parameters)
    if len(parameters) > MOST_PARAMETERS:
        raise BadRequest(f"The request has more than {MOST_PARAMETERS} parameters. Use fewer filters.")
    merged = query_lists.merged(parameters)
    related = [name for name, _ in merged if isinstance(columns.get(name.partition("__")[0]), Related)]
    if len(related) > MOST_RELATED:
        message = f"more than {MOST_RELATED} filters on fields with several values. Use fewer."
        raise unreadable(related[-1], message)
    return [_condition(columns, name, value) for name, value in merged]


def _condition(columns: Columns, parameter: str, value: str) -> ColumnElement[bool]:
    name, *lookups = parameter.split("__")
    excludes = len(lookups) > 0 and lookups[-1] == "exclude"
    lookup = "".join(lookups[:-1] if excludes else lookups) or "exact"
    if name not in columns or lookup not in LOOKUPS or len(lookups) > 1 + excludes:
        raise unreadable(parameter, UNKNOWN_PARAMETER)
    if lookup == "ne":
        lookup, excludes = "exact", not excludes
    try:
        condition = _look_up(columns[name], lookup, value)
    except ValueError as error:
        raise unreadable(parameter, f"{value[:100]!r}: {_sentence(error)}") from None
    return condition.is_not(True) if excludes else condition


def unreadable(parameter: str, message: str) -> BadRequest:
    """Return the error that names a parameter."""
    name = parameter[:200]
    return BadRequest(f"{name}: {message}", errors=[{"field": name, "message": message}])


def read(kind: ColumnKind, value: str) -> Any:
    """Read a value. Raises ValueError if it does not match its kind."""
    if not re.fullmatch(kind.pattern, value):
        raise ValueError(kind.otherwise)
    return kind.read(value)


def _sentence(error: ValueError) -> str:
    return message_of(error.errors()[0]) if isinstance(error, ValidationError) else str(error)


def _look_up(column: Column | Related, lookup: str, value: str) -> ColumnElement[bool]:
    if isinstance(column, Related):
        if lookup == "isnull":
            has_any = exists().where(column.link)
            return not_(has_any) if read(BOOLEAN, value) else has_any
        return exists().where(column.link, _look_up(column.column, lookup, value))
    if lookup == "isnull":
        return column.is_(None) if read(BOOLEAN, value) else column.is_not(None)
    if lookup in TEXT_MATCHES:
        return TEXT_MATCHES[lookup](_as_text(column), read(TEXT, value).translate(_ESCAPED))
    return _compare(column, lookup, value)


def _compare(column: Column, lookup: str, value: str) -> ColumnElement[bool]:
    kind = column_kind(column)
    comparisons = _TIME_COMPARISONS if kind is TIME else COMPARISONS
    if kind is TEXT:
        column = _as_text(column)
    if lookup == "in":
        parts = query_lists.read(value)
        if len(parts) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
        values = [read(kind, part) for part in parts]
        return or_(*(comparisons["exact"](column, v) for v in values)) if kind is TIME else column.in_(values)
    if lookup == "range":
        parts = query_lists.read(value)
        if len(parts) != 2:
            raise ValueError("must be two values separated by a comma")
        return and_(*(comparisons[c](column, read(kind, v)) for c, v in zip(("gte", "lte"), parts, strict=True)))
    return comparisons[lookup](column, read(kind, value))


def _as_text(column: Column) -> Column:
    """Convert a column to text: times as the API shows them, others as PostgreSQL does."""
    if isinstance(column.type, Text | StatusText):
        return column
    if column.type.python_type is datetime:
        return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    return cast(column, Text)


def _after(moment: datetime) -> datetime:
    """Return the earliest time that the API shows as later than this one: it shows whole seconds."""
    return moment.replace(microsecond=0) + _SECOND


def _first(moment: datetime) -> datetime:
    """Return the first time that the API does not show as earlier than this one."""
    return moment if moment.microsecond == 0 else _after(moment)
