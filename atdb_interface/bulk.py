"""Bulk changes: a request for all items that match a filter, first as a preview, then with the preview's token."""

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field, StringConstraints

from atdb_interface.base_models import Wire
from atdb_interface.dataproducts import DataProductChange
from atdb_interface.observations import ObservationChange

#: ATDB refuses a bulk change of more items, because an operator cannot check a longer preview.
MOST_ITEMS = 10_000

_Change = TypeVar("_Change", ObservationChange, DataProductChange)


class Verdict(StrEnum):
    """The outcome for one item: changed, unchanged because it has these values already, or refused."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Bulk(Wire, Generic[_Change]):
    """A change of all items that match. `filters`: as in the URL of a list, at least one.

    Without `token`, the request is a preview and changes nothing. With the token of its preview, ATDB makes the
    changes if the same items still match and have the same statuses.
    """

    filters: Annotated[dict[str, str], Field(min_length=1)]
    change: _Change
    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class BulkItem(BaseModel):
    """The verdict on one item. `my_status`: the status of the item, before the change if there was one."""

    id: int
    taskID: str
    filename: str | None
    my_status: str
    verdict: Verdict
    detail: str


class BulkAnswer(BaseModel):
    """The verdict on each item that matches. `executed`: false for a preview."""

    token: str
    executed: bool
    count: int
    verdicts: dict[Verdict, int]
    results: list[BulkItem]


class ObservationBulk(Bulk[ObservationChange]):
    """A change of all observations that match."""


class DataProductBulk(Bulk[DataProductChange]):
    """A change of all data products that match."""
