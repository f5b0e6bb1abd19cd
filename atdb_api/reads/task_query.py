"""What the table of tasks is asked for: the filters of the API, an ordering, a place in the list."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from atdb_api.search import columns, filters

#: The names of the parameters that are no filters.
ORDERING, AFTER, BEFORE = "ordering", "after", "before"
#: The fields by which the table can be ordered.
ORDERINGS = ("taskID", "observing_mode", "name", "my_status", "starttime", "endtime", "size", "status_since")
NEWEST_FIRST = "-starttime"


@dataclass(frozen=True)
class TaskQuery:
    """`parameters`: the filters as the API reads them. `after` and `before`: a place that the table has named."""

    parameters: Mapping[str, str]
    ordering: str = NEWEST_FIRST
    after: str = ""
    before: str = ""

    def where(self) -> list[ColumnElement[bool]]:
        """Return the filters as conditions. Raises BadRequest for one that cannot be read."""
        return filters.where(columns.OBSERVATION_COLUMNS, self.parameters.items())
