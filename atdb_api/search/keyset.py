"""Keyset pagination: the next page begins after the last row. So all pages of a long list are equally fast."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, and_, false, literal, or_, tuple_

from atdb_api.search.filters import Column

Row = TypeVar("Row")


@dataclass(frozen=True)
class Term:
    """One term of an ordering. Missing values come last in ascending order and first in descending order."""

    column: Column
    descending: bool = False

    @property
    def nullable(self) -> bool:
        """Return whether values may be missing; in computed columns, they may."""
        return bool(getattr(self.column, "nullable", True))

    def order(self) -> ColumnElement[Any]:
        """Return the term as SQL orders by it."""
        return self.column.desc() if self.descending else self.column.asc()

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Return the condition for the rows after this value."""
        if value is None:
            return self.column.is_not(None) if self.descending else false()
        bound = literal(value, self.column.type)
        return self.column < bound if self.descending else or_(self.column > bound, self.column.is_(None))

    def same(self, value: Any) -> ColumnElement[bool]:
        """Return the condition for this value."""
        return self.column.is_(None) if value is None else self.column == value

    def read(self, value: Any) -> Any:
        """Convert a value from JSON. Raises ValueError if the column cannot have it."""
        kind = self.column.type.python_type
        if value is None and self.nullable:
            return None
        if kind in (datetime, date):
            return kind.fromisoformat(value)
        if kind is float and isinstance(value, int):
            return float(value)
        if type(value) is not kind or "\0" in str(value):
            raise ValueError("no value of this column")
        return value


@dataclass(frozen=True)
class Keyset:
    """An ordering without ties, and its cursors.

    Each cursor begins with `name`, so that a cursor of another ordering is refused.
    """

    terms: tuple[Term, ...]
    name: str = ""

    @property
    def order_by(self) -> list[ColumnElement[Any]]:
        """Return the ordering as SQL has it."""
        return [term.order() for term in self.terms]

    def reversed(self) -> Self:
        """Return the reversed ordering."""
        return replace(self, terms=tuple(replace(term, descending=not term.descending) for term in self.terms))

    def values_of(self, row: object) -> list[Any]:
        """Return the place of a row in the ordering. All terms must be columns of its table."""
        return [getattr(row, str(term.column.key)) for term in self.terms]

    def sort(self, rows: list[Row]) -> None:
        """Sort rows; all terms must be columns of their table, and no value may be missing."""
        for term in reversed(self.terms):
            rows.sort(key=attrgetter(str(term.column.key)), reverse=term.descending)

    def after(self, values: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition for the rows after a place: a comparison of rows if an index can serve it."""
        if len({term.descending for term in self.terms}) == 1 and not any(term.nullable for term in self.terms):
            columns = tuple_(*(term.column for term in self.terms))
            place = tuple_(*(literal(v, term.column.type) for v, term in zip(values, self.terms, strict=True)))
            return columns < place if self.terms[0].descending else columns > place
        same: list[ColumnElement[bool]] = []
        alternatives: list[ColumnElement[bool]] = []
        for term, value in zip(self.terms, values, strict=True):
            alternatives.append(and_(*same, term.beyond(value)))
            same.append(term.same(value))
        return or_(*alternatives)

    def write(self, values: Sequence[Any]) -> str:
        """Format a place as a cursor."""
        plain = [value.isoformat() if isinstance(value, date) else value for value in values]
        named = [self.name, *plain] if self.name else plain
        return base64.urlsafe_b64encode(json.dumps(named).encode()).decode().rstrip("=")

    def read(self, cursor: str) -> list[Any]:
        """Read a cursor. Raises ValueError if it is not one of this ordering."""
        try:
            values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if self.name and values.pop(0) != self.name:
                raise ValueError("another ordering")
            return [term.read(value) for term, value in zip(self.terms, values, strict=True)]
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise ValueError("no cursor of this ordering") from error
