"""Claims: each waiting observation goes to one consumer only."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, TaskId, Time
from atdb_interface.leases import LeaseSeconds
from atdb_interface.lifecycle import Status
from atdb_interface.text_values import NUMBER
from atdb_interface.times import CLAIM_SECONDS

MostOpen = Annotated[int, Field(ge=1, le=1000), NUMBER]


class ClaimRequest(Wire):
    """A request to claim observations that have one of the `statuses`, for this consumer only.

    The same `id` again returns the same answer. `filters`: as in the URL of a list, for instance
    {"observing_mode__icontains": "sc4"}. The claim expires if no work begins within `lease_seconds`.

    The claim and its consumer belong to the account that sends the request, and to `for_account` if it is set: no
    other account can read or release the claim, or begin work on its observations.

    `most_open`: the claim leaves at most this many observations of a stage claimed and not begun. So a consumer
    claims only what it can soon work on, and then takes first what has become more urgent. Observations that wait
    for the telescope are not limited.
    """

    id: Name
    consumer: Name
    statuses: Annotated[list[Status], Field(min_length=1)]
    filters: dict[str, str] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1, le=1000), NUMBER] = 100
    lease_seconds: LeaseSeconds = CLAIM_SECONDS
    for_account: Name | None = None
    most_open: MostOpen | None = None


class Waiting(BaseModel):
    """The number of observations that a claim would return now."""

    waiting: int


class ClaimedTask(BaseModel):
    """An observation in a claim, with the values at the time of the claim.

    `number`: the number of claims of this observation for its next stage, this one included; 0 if the version that
    made the claim did not count them. `dataproducts`: the number of its data products.
    """

    taskID: str
    my_status: Status
    number: int = 0
    name: str = ""
    observing_mode: str = ""
    dataproducts: int = 0


class OpenClaim(ClaimedTask):
    """An observation that a consumer has claimed and on which no work has begun."""

    claim: str
    claimed_at: Time
    expires_at: Time


class OpenClaims(BaseModel):
    """The observations that a consumer has claimed and on which no work has begun, the oldest claim first."""

    tasks: list[OpenClaim]


class Claim(BaseModel):
    """The answer to a claim: the observations that the consumer now has."""

    id: str
    consumer: str
    expires_at: Time
    tasks: list[ClaimedTask]


class Release(Wire):
    """A request to release claimed observations, so that they are available to claim immediately.

    `claim`: release only observations of this claim, and not those that have been claimed again since.
    """

    taskIDs: Annotated[list[TaskId], Field(min_length=1, max_length=1000)]
    claim: Name | None = None


class Released(BaseModel):
    """The number of observations that are available to claim again."""

    released: int
