"""The history of statuses, and the request that adds to it: a move."""

from pydantic import BaseModel

from atdb_interface.base_models import Forcible
from atdb_interface.fields import Name, TaskId, Time
from atdb_interface.leases import LeaseSeconds
from atdb_interface.lifecycle import Status


class Transition(BaseModel):
    """One change of status. It never changes. `name`: the status that it led to."""

    id: int
    taskID: str
    dataproduct: str | None
    previous: str | None
    name: str
    timestamp: Time
    actor: str
    owner: str | None
    reason: str
    forced: bool
    """The lifecycle does not allow this step, and an operator forced it."""


class Move(Forcible):
    """A request for a change of an observation's status.

    `expect`: ATDB refuses the move if the present status is none of these. `owner`: the program that works on the
    observation. In a working status, it gets the lease for `lease_seconds`, and no other program can move the
    observation before the lease expires.
    """

    taskID: TaskId
    name: Status
    expect: list[Status] | None = None
    owner: Name | None = None
    lease_seconds: LeaseSeconds | None = None
