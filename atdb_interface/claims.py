"""Claims: observations that wait, each for one consumer only."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, TaskId, Time
from atdb_interface.leases import LeaseSeconds
from atdb_interface.lifecycle import Status
from atdb_interface.text_values import whole
from atdb_interface.times import CLAIM_SECONDS


class ClaimRequest(Wire):
    """Ask for observations that wait in one of some statuses, each for this consumer only.

    The same `id` asked again gives the same answer. `filters`: as in the address of a list, for instance
    {"observing_mode__icontains": "sc4"}. A claim that is not acted on within `lease_seconds` is void.
    """

    id: Name
    consumer: Name
    statuses: Annotated[list[Status], Field(min_length=1)]
    filters: dict[str, str] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1, le=1000), whole(1, 1000)] = 100
    lease_seconds: LeaseSeconds = CLAIM_SECONDS


class Waiting(BaseModel):
    """How many observations a claim would give now."""

    waiting: int


class ClaimedTask(BaseModel):
    """An observation in a claim, as it was when it was claimed.

    `number`: how many claims of it there have been for the stage that waits for it, this one included; 0 for a
    claim of a version that did not count them. `dataproducts`: how many data products it has.
    """

    taskID: str
    my_status: Status
    number: int = 0
    name: str = ""
    observing_mode: str = ""
    dataproducts: int = 0


class OpenClaim(ClaimedTask):
    """An observation that a consumer has claimed, and on which no work has begun."""

    claim: str
    claimed_at: Time
    expires_at: Time


class OpenClaims(BaseModel):
    """What a consumer has claimed and not begun, in the order in which it was claimed."""

    tasks: list[OpenClaim]


class Claim(BaseModel):
    """What a consumer was given."""

    id: str
    consumer: str
    expires_at: Time
    tasks: list[ClaimedTask]


class Release(Wire):
    """Release claimed observations on which no work will begin: they are available to claim at once.

    `claim`: only those that are in this claim; one that has been claimed again since is left alone.
    """

    taskIDs: Annotated[list[TaskId], Field(min_length=1, max_length=1000)]
    claim: Name | None = None


class Released(BaseModel):
    """How many observations wait again."""

    released: int
