"""What is asked of ATDB to get work done: moves, claims of what waits, and leases on what is worked on."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.fields import FileName, Name, Reason, Size, TaskId, Time
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.models import DataProductChange, Forcible, Wire
from atdb_interface.text_values import whole


class ProductMove(DataProductChange):
    """A change of one product of a task, named by its file."""

    filename: FileName


class ProductMoves(Wire):
    """Changes of many products of one task, made in one transaction.

    With an owner: only while that owner has the lease on the observation.
    """

    taskID: TaskId
    owner: Name | None = None
    moves: Annotated[list[ProductMove], Field(max_length=5000)]


class MovedProduct(BaseModel):
    """What became of one product."""

    id: int
    filename: str
    my_status: ProductStatus


class MovedProducts(BaseModel):
    """What became of each product, in the order asked."""

    results: list[MovedProduct]


LeaseSeconds = Annotated[int, Field(ge=1, le=86400), whole(1, 86400)]


class Move(Forcible):
    """Ask for a change of an observation's status.

    `expect`: refuse where the status now is none of these. `owner`: who works on it; on a working status it
    gets the lease for `lease_seconds`, and no one else may move the observation until it has run out.
    """

    taskID: TaskId
    name: Status
    expect: list[Status] | None = None
    owner: Name | None = None
    lease_seconds: LeaseSeconds | None = None


class Lease(Wire):
    """Who works on an observation, and until when it need not be asked for again.

    Perhaps how far the work is, and what stands in its way at the moment; an empty `trouble` ends that.
    """

    taskID: TaskId
    owner: Name
    lease_seconds: LeaseSeconds = 60
    done_bytes: Size | None = None
    total_bytes: Size | None = None
    trouble: Reason | None = None


class HeldLease(BaseModel):
    """A work lease as ATDB returns it. `lost_owners`: how many had this work before and let it run out.

    `done_bytes` of `total_bytes` since `began_at`, where the owner tells that.
    """

    taskID: str
    my_status: Status
    owner: str
    began_at: Time
    expires_at: Time
    lost_owners: int
    done_bytes: int | None
    total_bytes: int | None
    trouble: str | None
    trouble_since: Time | None


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
    lease_seconds: LeaseSeconds = 900


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
