"""The description of a resource, from which its list, its items and the OpenAPI document are derived."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from atdb_api.search.field_map import FieldMap
from atdb_api.search.filters import Column, Columns

Row = TypeVar("Row")
Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True)
class Detail:
    """The view of one item. `path`: its part of the URL, such as `<int:transition_id>`."""

    path: str
    about: str
    has_etag: bool = False


@dataclass(frozen=True)
class Resource(Generic[Row, Item]):
    """A resource: rows of a table, listed below `/atdb/<name>/` as wire models.

    `about`: the summary of its list in the OpenAPI document. `key`: the field by which an item is found. The
    defaults of the fields below suit a resource whose fields are all columns of its table.
    """

    name: str
    fields: FieldMap[Row, Item]
    about: str
    detail: Detail | None = None
    key: str = "id"
    ordering: str = ""
    """The default ordering; empty: by its key."""
    shown: str = ""
    """The fields that the table on its page shows; empty: all."""
    rows: Select[Row] | None = None
    """The rows that are listed; None: the whole table."""
    visible: Callable[[Select[Row]], Select[Row]] = lambda rows: rows
    """Filters out the rows that this request may not see."""
    more: Mapping[str, Column] = field(default_factory=dict)
    """Columns to filter by, in addition to the fields."""
    columns_at: Callable[[datetime | None], Columns] | None = None
    """Returns all columns to filter by. For the time of `?as_of=`, they have the values of that time."""
    existed: Callable[[datetime], ColumnElement[bool]] | None = None
    """Returns the condition that a row existed at a time. None if the list has no parameter `?as_of=`."""
    costly: frozenset[str] = frozenset()
    """The fields that take further statements."""
    writer: Callable[..., Sequence[Item]] | None = None
    """Converts rows to models if not all fields are columns. It has the arguments of `write`."""

    @property
    def model(self) -> type[Item]:
        """The wire model of one item."""
        return self.fields.model

    @property
    def query(self) -> Select[Row]:
        """Select all rows."""
        return select(self.fields.table) if self.rows is None else self.rows

    def columns(self, at: datetime | None) -> Columns:
        """Return the columns to filter and order by."""
        return self.columns_at(at) if self.columns_at else {**self.fields.columns, **self.more}

    def write(
        self, session: Session, rows: Sequence[Row], *, at: datetime | None = None, costly: bool = True
    ) -> Sequence[Item]:
        """Convert rows to wire models, as they were `at` a time, or as they are now.

        `costly=False` leaves the costly fields empty.
        """
        if self.writer:
            return self.writer(session, rows, at=at, costly=costly)
        return [self.fields.item(row) for row in rows]
