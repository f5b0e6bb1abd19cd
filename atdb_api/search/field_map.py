"""Convert rows of a table to wire models: the one place that knows both names of a field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import InstrumentedAttribute

Row = TypeVar("Row")
Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True)
class FieldMap(Generic[Row, Item]):
    """The fields of a model that are columns of a table.

    `names`: the fields that have another name in the table, such as `observation.task_id` behind a relationship.
    """

    table: type[Row]
    model: type[Item]
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> dict[str, InstrumentedAttribute[Any]]:
        """The column of each field that has one."""
        columns = {name: _column(self.table, self.names.get(name, name)) for name in self.model.model_fields}
        return {name: column for name, column in columns.items() if column is not None}

    @cached_property
    def _readers(self) -> dict[str, Callable[[Row], Any]]:
        return {name: attrgetter(self.names.get(name, name)) for name in self.columns}

    def values(self, row: Row) -> dict[str, Any]:
        """Return the fields of one row."""
        return {name: read(row) for name, read in self._readers.items()}

    def stored(self, item: BaseModel) -> dict[str, Any]:
        """Return the values of a model by the names of the columns.

        The model can have some of these fields only.
        """
        return {self.names.get(name, name): value for name, value in item}

    def item(self, row: Row) -> Item:
        """Convert one row to a model whose fields are all columns."""
        return self.model(**self.values(row))


def _column(table: Any, path: str) -> InstrumentedAttribute[Any] | None:
    *relationships, name = path.split(".")
    for relationship in relationships:
        table = getattr(table, relationship).property.mapper.class_
    column: InstrumentedAttribute[Any] | None = getattr(table, name, None)
    return column
