"""One request for all that match a filter: first a preview with a token, then the same again with that token."""

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field, StringConstraints

from atdb_interface.base_models import Wire
from atdb_interface.dataproducts import DataProductChange
from atdb_interface.observations import ObservationChange

#: More than this are refused: what a person cannot look through should be narrowed down.
MOST_ITEMS = 10_000

_Change = TypeVar("_Change", ObservationChange, DataProductChange)


class Verdict(StrEnum):
    """What becomes of one item: changed, or already so, or refused and why."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Bulk(Wire, Generic[_Change]):
    """Change all that match. `filters`: as in the address of a list, at least one.

    Without `token` it is a preview, and changes nothing. With the token of its preview it is carried out, if
    still the same items match and have the same statuses.
    """

    filters: Annotated[dict[str, str], Field(min_length=1)]
    change: _Change
    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class BulkItem(BaseModel):
    """The verdict on one item; `my_status` is what it has, or had before it was changed."""

    id: int
    taskID: str
    filename: str | None
    my_status: str
    verdict: Verdict
    detail: str


class BulkAnswer(BaseModel):
    """What the request does (`executed` is false) or did to each item that matches."""

    token: str
    executed: bool
    count: int
    verdicts: dict[Verdict, int]
    results: list[BulkItem]


class ObservationBulk(Bulk[ObservationChange]):
    """Change all observations that match."""


class DataProductBulk(Bulk[DataProductChange]):
    """Change all data products that match."""
