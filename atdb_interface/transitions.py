"""The history of statuses, and the request that adds to it: a move."""

from pydantic import BaseModel

from atdb_interface.base_models import Forcible
from atdb_interface.fields import Name, TaskId, Time
from atdb_interface.leases import LeaseSeconds
from atdb_interface.lifecycle import Status


class Transition(BaseModel):
    """One change of status; never changed afterwards. `name` is the status that it led to."""

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
    """The lifecycle has no such step; an operator made it all the same."""


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
