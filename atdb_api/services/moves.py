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
    task_id: str,
    target: Status,
    *,
    actor: str,
    expect: Collection[Status] | None = None,
    owner: str | None = None,
    lease_seconds: int | None = None,
    reason: str = "",
) -> Transition:
    """Move an observation to its next status, and record who asked.

    The row stays locked until the transaction ends, so of two services that ask at once the second is judged
    against what the first has left. Asking for the status that it has already changes no status; on a working
    status it renews the lease of its owner, or hands over work whose owner is lost.

    Returns the transition that led to the status, an older one where nothing changed.
    Raises NotFound, ForbiddenMove, and NotOwner where somebody else holds the lease.
    """
    observation = locked(session, task_id)
    now = datetime.now(UTC)
    lease = session.get(Lease, observation.id)
    if target is observation.status:
        if owner and target in WORKING:
            _enter_again(observation, lease, owner, now, lease_seconds or DEFAULT_LEASE_SECONDS)
        return _latest(session, task_id)
    _check_step(observation, target, expect)
    if lease and lease.owner != owner and lease.expires_at > now and target is not Status.ABORTED:
        raise _not_owner(observation, lease)
    previous, observation.status = observation.status, target
    observation.held_from = previous if target is Status.ON_HOLD else None
    observation.status_since = now
    observation.claimed_until = None
    if lease:
        session.delete(lease)
        session.flush()
    if owner and target in WORKING:
        expires = now + timedelta(seconds=lease_seconds or DEFAULT_LEASE_SECONDS)
        session.add(Lease(observation_id=observation.id, owner=owner, expires_at=expires, lost_owners=0))
    transition = Transition(
        task_id=task_id, previous=previous, status=target, at=now, actor=actor, owner=owner, reason=reason
    )
    session.add(transition)
    session.flush()
    return transition


def renew(session: Session, task_id: str, owner: str, lease_seconds: int) -> tuple[Observation, Lease]:
    """Prolong the lease of the owner who works on an observation. Raises NotFound and NotOwner."""
    observation = locked(session, task_id)
    lease = lease_of(session, observation, owner)
    lease.expires_at = datetime.now(UTC) + timedelta(seconds=lease_seconds)
    return observation, lease


def lease_of(session: Session, observation: Observation, owner: str) -> Lease:
    """Get the lease that this owner has on an observation, which must be locked. Raises NotOwner."""
    lease = session.get(Lease, observation.id)
    if lease is None or lease.owner != owner:
        raise _not_owner(observation, lease)
    return lease


def _check_step(observation: Observation, target: Status, expect: Collection[Status] | None) -> None:
    status = observation.status
    allowed = allowed_next(status, observation.held_from)
    if target not in allowed or (expect is not None and status not in expect):
        may = ", ".join(sorted(allowed)) or "nothing else"
        raise ForbiddenMove(
            f"{observation.task_id} is {status}, from where it may become {may}; {target} was asked for"
            + (f" where it is {' or '.join(expect)}" if expect is not None else ""),
            my_status=status,
            allowed=sorted(allowed),
        )


def _enter_again(
    observation: Observation, lease: Lease | None, owner: str, now: datetime, lease_seconds: int
) -> None:
    if lease is None:
        raise _not_owner(observation, lease)
    if lease.owner != owner:
        resumable = WORKING[observation.status].resumable and lease.lost_owners < MAX_LOST_OWNERS
        if lease.expires_at > now or not resumable:
            raise _not_owner(observation, lease)
        lease.owner = owner
        lease.lost_owners += 1
        observation.claimed_until = None
    lease.expires_at = now + timedelta(seconds=lease_seconds)


def _latest(session: Session, task_id: str) -> Transition:
    return session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id.desc())
        .limit(1)
    ).one()


def _not_owner(observation: Observation, lease: Lease | None) -> NotOwner:
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
