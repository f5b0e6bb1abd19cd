"""What operators ask of many observations at once: how many, how much, how old."""

from pydantic import BaseModel

from atdb_interface.fields import Time

#: What a summary can be grouped by. `day`: of the start, UTC; `data_host`: of the data location.
GROUPINGS = ("my_status", "observing_mode", "day", "data_host")


class SummaryGroup(BaseModel):
    """The observations that have these values in common."""

    group: dict[str, str]
    """The value of each thing that is grouped by."""
    count: int
    size: int
    """Bytes, of all their data products of which the size is known."""
    oldest_since: Time
    """Since when the one that is longest in its status has had it."""
    oldest_age_seconds: int


class Summary(BaseModel):
    """Counts, sizes in bytes and oldest ages of the observations that match."""

    group_by: list[str]
    count: int
    size: int
    groups: list[SummaryGroup]
