"""Work leases: the owner that works on an observation, and the time until which no other owner can."""

from typing import Annotated

from pydantic import Field

from atdb_interface.base_models import Returned, Wire
from atdb_interface.fields import Name, Reason, Size, TaskId, Time
from atdb_interface.lifecycle import Status
from atdb_interface.text_values import NUMBER
from atdb_interface.times import LEASE_SECONDS, LONGEST_LEASE_SECONDS

LeaseSeconds = Annotated[int, Field(ge=1, le=LONGEST_LEASE_SECONDS), NUMBER]


class Lease(Wire):
    """A request to renew the lease of the owner who works on an observation, with the same account.

    `done_bytes` of `total_bytes`: the progress of the work. `trouble`: the reason why it cannot continue at the
    moment; an empty text ends the trouble.
    """

    taskID: TaskId
    owner: Name
    lease_seconds: LeaseSeconds = LEASE_SECONDS
    done_bytes: Size | None = None
    total_bytes: Size | None = None
    trouble: Reason | None = None


class HeldLease(Returned):
    """A work lease as ATDB returns it. `lost_owners`: the number of earlier owners whose lease expired.

    `account`: the account that works as the owner. No other account can use the lease.
    `done_bytes` of `total_bytes` since `began_at`, if the owner reports its progress.
    """

    taskID: str
    my_status: Status
    owner: str
    account: str | None = None
    began_at: Time
    expires_at: Time
    lost_owners: int
    done_bytes: int | None
    total_bytes: int | None
    trouble: str | None
    trouble_since: Time | None
