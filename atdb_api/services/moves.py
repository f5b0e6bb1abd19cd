"""The only code that changes a status; history is written in the same transaction."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation, Transition
from atdb_interface.errors import ForbiddenMove, NotFound, NotOwner
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import MAX_LOST_OWNERS, WORKING, Status, allowed_next

DEFAULT_LEASE_SECONDS = 60


def locked(session: Session, task_id: str) -> Observation:
    """Lock an observation's row until the transaction ends. Raises NotFound."""
    observation = session.scalar(
        select(Observation)
        .where(Observation.task_id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if observation is None:
        raise NotFound(f"no observation has taskID {task_id}")
    return observation


def move(
    session: Session,
    observation: Observation,
    target: Status,
    *,
    actor: str,
    expect: Collection[Status] | None = None,
    owner: str | None = None,
    lease_seconds: int | None = None,
    reason: str = "",
    forced: bool = False,
) -> None:
    """Move an observation, which must be locked, to its next status, and record who asked.

    The row stays locked until the transaction ends, so of two services that ask at once the second is judged
    against what the first has left. Asking for the status that it has already changes no status; on a working
    status it renews the lease of its owner, or hands over work whose owner is lost. A forced move needs no step
    of the lifecycle, and takes the work from its owner.

    Raises ForbiddenMove, and NotOwner where somebody else holds the lease.
    """
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=lease_seconds or DEFAULT_LEASE_SECONDS)
    if target is observation.status:
        if owner and target in WORKING:
            _enter_again(observation, owner, now, expires)
        return
    check(observation, target, expect=expect, owner=owner, forced=forced)
    previous, observation.status = observation.status, target
    is_step = target in allowed_next(previous, observation.held_from)
    observation.held_from = previous if target is Status.ON_HOLD else None
    observation.status_since = now
    observation.claimed_until = None
    if owner and target in WORKING:
        lease = observation.lease = observation.lease or Lease()
        lease.owner, lease.expires_at, lease.lost_owners = owner, expires, 0
    elif observation.lease:
        session.delete(observation.lease)
    session.add(
        Transition(
            task_id=observation.task_id,
            previous=previous,
            status=target,
            at=now,
            actor=actor,
            owner=owner,
            reason=reason,
            forced=not is_step,
        )
    )


def check(
    observation: Observation,
    target: Status,
    *,
    expect: Collection[Status] | None = None,
    owner: str | None = None,
    forced: bool = False,
) -> None:
    """Raise ForbiddenMove or NotOwner where an observation may not be moved; changes nothing."""
    status = observation.status
    allowed = allowed_next(status, observation.held_from)
    if (target not in allowed and not forced) or (expect is not None and status not in expect):
        raise ForbiddenMove(
            f"{observation.task_id} is {status}, from where it may become {listed(allowed)}; asked was {target}"
            + (f" where it is {' or '.join(expect)}" if expect is not None else ""),
            my_status=status,
            allowed=sorted(allowed),
        )
    lease = observation.lease
    is_held = lease is not None and lease.owner != owner and lease.expires_at > datetime.now(UTC)
    if is_held and target is not Status.ABORTED and not forced:
        raise _not_owner(observation)


def listed(statuses: Collection[str]) -> str:
    """Say which statuses may follow."""
    return ", ".join(sorted(statuses)) or "nothing else"


def renew(session: Session, task_id: str, owner: str, lease_seconds: int) -> Lease:
    """Prolong the lease of the owner who works on an observation. Raises NotFound and NotOwner."""
    observation = locked(session, task_id)
    lease = lease_of(observation, owner)
    lease.expires_at = datetime.now(UTC) + timedelta(seconds=lease_seconds)
    return lease


def lease_of(observation: Observation, owner: str) -> Lease:
    """Get the lease that this owner has on an observation, which must be locked. Raises NotOwner."""
    lease = observation.lease
    if lease is None or lease.owner != owner:
        raise _not_owner(observation)
    return lease


def latest(session: Session, task_id: str) -> Transition:
    """Get the transition that led to the status which an observation has."""
    return session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id.desc())
        .limit(1)
    ).one()


def _enter_again(observation: Observation, owner: str, now: datetime, expires: datetime) -> None:
    lease = observation.lease
    if lease is None:
        raise _not_owner(observation)
    if lease.owner != owner:
        resumable = WORKING[observation.status].resumable and lease.lost_owners < MAX_LOST_OWNERS
        if lease.expires_at > now or not resumable:
            raise _not_owner(observation)
        lease.owner = owner
        lease.lost_owners += 1
        observation.claimed_until = None
    lease.expires_at = expires


def _not_owner(observation: Observation) -> NotOwner:
    lease = observation.lease
    if lease is None:
        return NotOwner(
            f"{observation.task_id} is {observation.status}, and nobody holds a lease on it",
            my_status=observation.status,
        )
    return NotOwner(
        f"{observation.task_id} is {observation.status} and belongs to {lease.owner} "
        f"until {write_time(lease.expires_at)}",
        my_status=observation.status,
        owner=lease.owner,
        expires_at=write_time(lease.expires_at),
    )
