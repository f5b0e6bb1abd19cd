"""Django's lookups in the address of a list: `?my_status__in=valid,ingesting&starttime__gte=2019-04-08`."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, not_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import Text

from atdb_api.models import StatusText
from atdb_api.wire import Columns
from atdb_interface.errors import BadRequest
from atdb_interface.fields import FiniteFloat, Time

_READERS: dict[type, TypeAdapter[Any]] = {
    int: TypeAdapter(int),
    float: TypeAdapter(FiniteFloat),
    bool: TypeAdapter(bool),
}
_TIME: TypeAdapter[Any] = TypeAdapter(Time)

Column = InstrumentedAttribute[Any]


def _escape(fragment: str) -> str:
    return fragment.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


_COMPARISONS: dict[str, Callable[[Column, Any], ColumnElement[bool]]] = {
    "exact": lambda column, value: column == value,
    "ne": lambda column, value: column.is_distinct_from(value),
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}
_TEXT_MATCHES: dict[str, Callable[[Column, str], ColumnElement[bool]]] = {
    "contains": lambda column, value: column.like(f"%{_escape(value)}%", escape="\\"),
    "icontains": lambda column, value: column.ilike(f"%{_escape(value)}%", escape="\\"),
    "startswith": lambda column, value: column.like(f"{_escape(value)}%", escape="\\"),
    "endswith": lambda column, value: column.like(f"%{_escape(value)}", escape="\\"),
}
LOOKUPS = (*_COMPARISONS, *_TEXT_MATCHES, "in", "range", "isnull")


def where(columns: Columns, parameters: Iterable[tuple[str, str]]) -> list[ColumnElement[bool]]:
    """Read the parameters of a list; BadRequest names the one that cannot be read."""
    return [_condition(columns, name, value) for name, value in parameters]


def _condition(columns: Columns, parameter: str, value: str) -> ColumnElement[bool]:
    name, _, lookup = parameter.partition("__")
    if name not in columns or (lookup or "exact") not in LOOKUPS:
        raise BadRequest(
            f"{parameter}: no such parameter", errors=[{"field": parameter, "message": "no such parameter"}]
        )
    try:
        return _compare(columns[name], lookup or "exact", value)
    except (ValidationError, ValueError) as error:
        message = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        message = message.removeprefix("Value error, ")
        raise BadRequest(
            f"{parameter}: {value[:100]!r}: {message}", errors=[{"field": parameter, "message": message}]
        ) from None


def _compare(column: Column, lookup: str, value: str) -> ColumnElement[bool]:
    if "\0" in value:
        raise ValueError("holds a NUL character")
    if lookup == "isnull":
        missing = column.is_(None)
        return missing if _READERS[bool].validate_python(value) else not_(missing)
    if lookup in _TEXT_MATCHES:
        if not isinstance(column.type, Text | StatusText):
            raise ValueError(f"{lookup} is for text")
        return _TEXT_MATCHES[lookup](column, value)
    if lookup == "in":
        return column.in_([_read(column, part) for part in value.split(",")])
    if lookup == "range":
        first, comma, last = value.partition(",")
        if not comma:
            raise ValueError("give two values with a comma between")
        return column.between(_read(column, first), _read(column, last))
    return _COMPARISONS[lookup](column, _read(column, value))


def _read(column: Column, value: str) -> Any:
    if isinstance(column.type, StatusText):
        if value not in list(column.type.statuses):
            raise ValueError(f"no such status; there are {', '.join(column.type.statuses)}")
        return value
    kind = column.type.python_type
    if kind is str:
        return value
    reader = _READERS.get(kind, _TIME)
    return reader.validate_python(value)
