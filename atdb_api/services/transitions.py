"""The only code that changes a status; history is written in the same transaction."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Lease, Observation, Transition
from atdb_api.services.leases import enter_again, not_owner
from atdb_api.services.stages import require_unpaused
from atdb_interface.actions import Action, target_of
from atdb_interface.errors import ForbiddenMove, NotYet
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import (
    STAGES,
    WORKING,
    ProductStatus,
    Stage,
    Status,
    allowed_next,
    rest_of,
)
from atdb_interface.times import LEASE_SECONDS

#: What a person stops work with, whoever owns it.
STOPS = (Status.ABORTED, Status.ON_HOLD)
#: The stage that begins with each move.
_BEGINS = {(stage.source, stage.working or Status.SCHEDULED): stage for stage in STAGES}


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
    stops: bool = False,
) -> None:
    """Move an observation, which must be locked, to its next status, and record who asked.

    The row stays locked until the transaction ends, so of two services that ask at once the second is judged
    against what the first has left. Asking for the status that it has already changes no status; on a working
    status it renews the lease of its owner, or hands over work whose owner is lost. A forced move needs no step
    of the lifecycle, and takes the work from its owner, as one that `stops` it does.

    Raises ForbiddenMove, NotOwner where somebody else holds the lease, and NotYet where the stage is paused or
    the observation has yet to rest before it.
    """
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=lease_seconds or LEASE_SECONDS)
    if target is observation.status:
        if owner and target in WORKING:
            enter_again(session, observation, owner, now, expires)
        return
    check(observation, target, expect=expect, owner=owner, forced=forced, stops=stops)
    if owner and not forced and (begins := _BEGINS.get((observation.status, target))):
        _require_open(session, observation, begins, now)
    previous, observation.status = observation.status, target
    is_step = target in allowed_next(previous, observation.held_from)
    observation.held_from = rest_of(previous) if target is Status.ON_HOLD else None
    observation.status_since = now
    observation.end_claim()
    if owner and target in WORKING:
        lease = observation.lease = observation.lease or Lease()
        lease.owner, lease.began_at, lease.expires_at, lease.lost_owners = owner, now, expires, 0
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
    _move_products_along(session, observation, previous, now, actor=actor, owner=owner)


def target_of_action(observation: Observation, action: Action) -> Status:
    """Tell where an action leads. Raises ForbiddenMove where it makes no sense now."""
    target = target_of(action, observation.status, observation.held_from)
    if target is None:
        allowed = allowed_next(observation.status, observation.held_from)
        raise ForbiddenMove(
            f"{observation.task_id} is {observation.status}, where {action} does nothing; "
            f"it may become {listed(allowed)}",
            my_status=observation.status,
            allowed=sorted(allowed),
        )
    return target


def _require_open(session: Session, observation: Observation, stage: Stage, now: datetime) -> None:
    """Raise NotYet where a stage is paused, or an observation has not rested long enough before it."""
    setting = require_unpaused(session, stage)
    opens = observation.status_since + timedelta(seconds=setting.delay_seconds)
    if now < opens:
        raise NotYet(
            f"{observation.task_id} rests before {stage.actor} until {write_time(opens)}",
            stage=stage.actor,
            until=write_time(opens),
        )


def _move_products_along(
    session: Session, observation: Observation, previous: Status, now: datetime, *, actor: str, owner: str | None
) -> None:
    """Let no product say that it is being ingested when its observation is not, nor that it need not be again."""
    if previous is Status.INGESTING:
        source, reason = ProductStatus.INGESTING, f"its observation became {observation.status}"
    elif observation.status is Status.VALID and previous in (Status.ARCHIVED, Status.REMOVE_ERROR):
        source, reason = ProductStatus.ARCHIVED, "to be ingested again"
    else:
        return
    products = session.scalars(
        select(DataProduct).where(DataProduct.observation_id == observation.id, DataProduct.status == source)
    )
    for product in products:
        product.status = ProductStatus.VALID
        session.add(
            Transition(
                task_id=product.task_id,
                dataproduct=product.filename,
                previous=source,
                status=ProductStatus.VALID,
                at=now,
                actor=actor,
                owner=owner,
                reason=reason,
            )
        )


def check(
    observation: Observation,
    target: Status,
    *,
    expect: Collection[Status] | None = None,
    owner: str | None = None,
    forced: bool = False,
    stops: bool = False,
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
    if is_held and target not in STOPS and not (forced or stops):
        raise not_owner(observation)


def listed(statuses: Collection[str]) -> str:
    """Say which statuses may follow."""
    return ", ".join(sorted(statuses)) or "nothing else"


def latest(session: Session, task_id: str) -> Transition:
    """Get the transition that led to the status which an observation has."""
    return session.scalars(
        select(Transition)
        .where(Transition.task_id == task_id, Transition.dataproduct.is_(None))
        .order_by(Transition.id.desc())
        .limit(1)
    ).one()
