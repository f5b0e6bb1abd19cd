"""Leases: while an owner works on an observation, no other owner can.

An owner belongs to the account that works under this name: the same name with another account is another owner.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation
from atdb_api.services import claims
from atdb_api.services.authority import Authority
from atdb_api.services.locks import lock_observation
from atdb_api.services.stages import require_unpaused
from atdb_interface.errors import NotOwner
from atdb_interface.fields import write_time
from atdb_interface.leases import Lease as AskedLease
from atdb_interface.lifecycle import MAX_LOST_OWNERS, WORKING


def renew(session: Session, ask: AskedLease, *, actor: str) -> Lease:
    """Extend the lease of the owner that works on an observation, and record how far the work is.

    Raises NotFound and NotOwner.
    """
    lease = lease_of(lock_observation(session, ask.taskID), ask.owner, actor)
    now = datetime.now(UTC)
    lease.expires_at = now + timedelta(seconds=ask.lease_seconds)
    for name in ("done_bytes", "total_bytes"):
        if (value := getattr(ask, name)) is not None:
            setattr(lease, name, value)
    if ask.trouble is not None:
        if not (ask.trouble and lease.trouble):
            lease.trouble_since = now if ask.trouble else None
        lease.trouble = ask.trouble or None
    return lease


def lease_of(observation: Observation, owner: str, account: str) -> Lease:
    """Return the lease of this owner on an observation. The observation must be locked. Raises NotOwner."""
    lease = observation.lease
    if lease is None or not is_held_by(lease, owner, account):
        raise not_owner(observation)
    return lease


def is_held_by(lease: Lease, owner: str | None, account: str) -> bool:
    """Return whether a lease is that of this owner, working with this account."""
    return (lease.owner, lease.account) == (owner, account)


def enter_again(session: Session, observation: Observation, authority: Authority, now: datetime) -> None:
    """Renew the lease of an owner, or hand over work whose lease has expired. Raises NotOwner and NotYet."""
    lease, owner, account = observation.lease, authority.owner, authority.actor
    if lease is None or owner is None:
        raise not_owner(observation)
    if not is_held_by(lease, owner, account):
        resumable = WORKING[observation.status].resumable and lease.lost_owners < MAX_LOST_OWNERS
        if lease.expires_at > now or not resumable:
            raise not_owner(observation)
        claims.require_claim(session, observation, account)
        require_unpaused(session, WORKING[observation.status])
        lease.owner, lease.account, lease.began_at = owner, account, now
        lease.done_bytes = lease.total_bytes = lease.trouble = lease.trouble_since = None
        lease.lost_owners += 1
        observation.end_claim()
    lease.expires_at = now + timedelta(seconds=authority.lease_seconds)


def not_owner(observation: Observation) -> NotOwner:
    """Return the error for an owner that does not hold the lease of an observation."""
    lease = observation.lease
    if lease is None:
        return NotOwner(
            f"Observation {observation.task_id} is {observation.status}, and no owner holds a lease on it.",
            my_status=observation.status,
        )
    return NotOwner(
        f"Observation {observation.task_id} is {observation.status} and belongs to {lease.owner} of account "
        f"{lease.account} until {write_time(lease.expires_at)}.",
        my_status=observation.status,
        owner=lease.owner,
        account=lease.account,
        expires_at=write_time(lease.expires_at),
    )
