"""`/atdb/leases/`: who works on what, and until when."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from atdb_api import wire
from atdb_api.database import transaction
from atdb_api.models import Lease, Observation
from atdb_api.pages import page
from atdb_api.services import moves
from atdb_api.views.reading import body
from atdb_interface.models import HeldLease
from atdb_interface.models import Lease as LeaseRequest

views = Blueprint("leases", __name__, url_prefix="/leases")


def _write(_: Session, rows: Sequence[Lease]) -> list[HeldLease]:
    return [_held(row.observation, row) for row in rows]


def _held(observation: Observation, lease: Lease) -> HeldLease:
    return HeldLease(
        taskID=observation.task_id,
        my_status=observation.status,
        owner=lease.owner,
        expires_at=lease.expires_at,
        lost_owners=lease.lost_owners,
    )


@views.get("/")
def list_() -> dict[str, Any]:
    """List the leases; `?expires_at__lt=` finds the lost ones."""
    query = select(Lease).join(Lease.observation).options(contains_eager(Lease.observation))
    with transaction() as session:
        return page(session, query, wire.LEASE_COLUMNS, _write, default_ordering="taskID")


@views.post("/")
def renew() -> dict[str, Any]:
    """Prolong the lease of its owner."""
    ask = body(LeaseRequest)
    with transaction() as session:
        observation, lease = moves.renew(session, ask.taskID, ask.owner, ask.lease_seconds)
        return _held(observation, lease).model_dump(mode="json")
