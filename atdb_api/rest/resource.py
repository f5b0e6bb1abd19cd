"""What a resource of the REST API is: from one description derive its list, its items and the OpenAPI document."""

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
    """That there is a page of each item. `path`: its part of the address, such as `<int:transition_id>`."""

    path: str
    about: str
    has_etag: bool = False


@dataclass(frozen=True)
class Resource(Generic[Row, Item]):
    """A resource: rows of a table, which are listed below `/atdb/<name>/` as a model of the wire.

    `about`: what its list does, for the OpenAPI document. `key`: the field by which an item is found. All fields
    below have a default that does for a resource of which all fields are columns of its table.
    """

    name: str
    fields: FieldMap[Row, Item]
    about: str
    detail: Detail | None = None
    key: str = "id"
    ordering: str = ""
    """By what it is ordered unless a request says it; by its key where this is empty."""
    shown: str = ""
    """The fields that the table of a page shows; all where this is empty."""
    rows: Select[Row] | None = None
    """Selects what is listed, where that is not the whole table."""
    visible: Callable[[Select[Row]], Select[Row]] = lambda rows: rows
    """Leaves out of a list what this request is not shown."""
    more: Mapping[str, Column] = field(default_factory=dict)
    """What can be filtered by beside the columns of the fields."""
    columns_at: Callable[[datetime | None], Columns] | None = None
    """Gives all that can be filtered by; with the moment of `?as_of=`, as it was then."""
    existed: Callable[[datetime], ColumnElement[bool]] | None = None
    """Finds what was there at a moment; where there is none, `?as_of=` means nothing."""
    costly: frozenset[str] = frozenset()
    """The fields for which the database is asked again."""
    writer: Callable[..., Sequence[Item]] | None = None
    """Writes rows of which not all fields are columns: called as `write` is."""

    @property
    def model(self) -> type[Item]:
        """The model of the wire of one item."""
        return self.fields.model

    @property
    def query(self) -> Select[Row]:
        """Select all rows."""
        return select(self.fields.table) if self.rows is None else self.rows

    def columns(self, at: datetime | None) -> Columns:
        """Return what can be filtered and ordered by."""
        return self.columns_at(at) if self.columns_at else {**self.fields.columns, **self.more}

    def write(
        self, session: Session, rows: Sequence[Row], *, at: datetime | None = None, costly: bool = True
    ) -> Sequence[Item]:
        """Write rows, as they were at a moment if one is given; without `costly` fields those are left empty."""
        if self.writer:
            return self.writer(session, rows, at=at, costly=costly)
        return [self.fields.item(row) for row in rows]
