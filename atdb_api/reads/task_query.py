"""A query of the page Tasks: filters of the API, an ordering, and a place in the list."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from atdb_api.search import columns, filters

#: The names of the parameters that are not filters.
ORDERING, AFTER, BEFORE = "ordering", "after", "before"
#: The fields by which the table can be ordered.
ORDERINGS = ("taskID", "observing_mode", "name", "my_status", "starttime", "endtime", "size", "status_since")
NEWEST_FIRST = "-starttime"


@dataclass(frozen=True)
class TaskQuery:
    """A query. `parameters`: filters of the API. `after` or `before`: a place that an earlier page returned."""

    parameters: Mapping[str, str]
    ordering: str = NEWEST_FIRST
    after: str = ""
    before: str = ""

    def where(self) -> list[ColumnElement[bool]]:
        """Return the filters as conditions. Raises BadRequest if one cannot be read."""
        return filters.where(columns.OBSERVATION_COLUMNS, self.parameters.items())
