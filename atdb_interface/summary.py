"""Summaries of many observations: their number, data volume and age."""

from pydantic import BaseModel

from atdb_interface.fields import Time

#: The fields by which a summary can be grouped. `day`: the day of the start in UTC; `data_host`: part of the data
#: location.
GROUPINGS = ("my_status", "observing_mode", "day", "data_host")


class SummaryGroup(BaseModel):
    """The observations that have the same values of the grouping fields."""

    group: dict[str, str]
    """The value of each grouping field."""
    count: int
    size: int
    """Bytes, over all their data products with a known size."""
    oldest_since: Time
    """When the observation with the longest time in its status entered it."""
    oldest_age_seconds: int


class Summary(BaseModel):
    """The numbers, sizes in bytes and oldest ages of the observations that match."""

    group_by: list[str]
    count: int
    size: int
    groups: list[SummaryGroup]
