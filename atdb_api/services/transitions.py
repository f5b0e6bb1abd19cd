"""Move observations from status to status, as the lifecycle, the leases and the stages allow."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import DataProduct, Lease, Observation
from atdb_api.services import claims, deletion, history, statements
from atdb_api.services.authority import Authority
from atdb_api.services.leases import enter_again, is_held_by, not_owner
from atdb_api.services.stages import require_unpaused
from atdb_interface.actions import Action, actions_from, target_of
from atdb_interface.errors import ForbiddenMove, NotYet
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import (
    REMOVE,
    WORKING,
    ProductStatus,
    Stage,
    Status,
    allowed_next,
)
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import write
from atdb_interface.status_kinds import BEGINS, STOPS


def move(
    session: Session,
    observation: Observation,
    target: Status,
    authority: Authority,
    *,
    expect: Collection[Status] | None = None,
    action: Action | None = None,
    reason: str = "",
) -> None:
    """Move an observation, which must be locked, to its next status, and record the account.

    The row stays locked until the transaction ends. If two services send a request at once, the second is checked
    against the status that the first has set. A request for the present status does not change it. For a working
    status, it renews the lease of the owner, or gives work whose lease has expired to a new owner. `expect`:
    refuse unless the present status is one of these. `action`: the action that leads to the status, if one does.

    Raises ForbiddenMove, NotOwner if another owner holds the lease, and NotYet if the stage is paused, if the
    delay before it has not ended, and if it deletes data while deletion is switched off.
    """
    now = datetime.now(UTC)
    owner = authority.owner
    if target is observation.status:
        if owner and target in WORKING:
            _require_deletion(session, target)
            enter_again(session, observation, authority, now)
        return
    check(session, observation, target, authority, expect=expect)
    if owner and not authority.may_force and (begins := BEGINS.get((observation.status, target))):
        _require_open(session, observation, begins, now)
    previous = observation.status
    history.enter(session, observation, target, authority, now, reason=reason)
    observation.end_claim()
    if owner and target in WORKING:
        lease = observation.lease = observation.lease or Lease()
        lease.owner, lease.account = owner, authority.actor
        lease.began_at, lease.lost_owners = now, 0
        lease.expires_at = now + timedelta(seconds=authority.lease_seconds)
    elif observation.lease:
        session.delete(observation.lease)
    is_again = target is Status.VALID or action is Action.INGEST
    _move_products_along(session, observation, previous, authority, now, is_again=is_again)


def target_of_action(observation: Observation, action: Action) -> Status:
    """Return the status that an action leads to. Raises ForbiddenMove if the action is not possible now."""
    target = target_of(action, observation.status, observation.held_from)
    if target is None:
        allowed = allowed_next(observation.status, observation.held_from)
        raise ForbiddenMove(
            f"Cannot {action} {observation.task_id} because it is {observation.status}. "
            f"Possible actions: {', '.join(actions_from(observation.status, observation.held_from)) or 'none'}.",
            my_status=observation.status,
            allowed=sorted(allowed),
        )
    return target


def _require_open(session: Session, observation: Observation, stage: Stage, now: datetime) -> None:
    """Raise NotYet if a stage is paused, or if the delay of an observation before the stage has not ended."""
    setting = require_unpaused(session, stage)
    opens = observation.status_since + timedelta(seconds=setting.delay_seconds)
    if now < opens:
        raise NotYet(
            f"Observation {observation.task_id} is delayed before {stage.actor} until {write_time(opens)}.",
            stage=stage.actor,
            until=write_time(opens),
        )


def _require_deletion(session: Session, target: Status) -> None:
    """Raise NotYet if data are deleted in this status and deletion is switched off."""
    if target is REMOVE.working:
        deletion.require_allowed(session)


def _move_products_along(
    session: Session,
    observation: Observation,
    previous: Status,
    authority: Authority,
    now: datetime,
    *,
    is_again: bool,
) -> None:
    """Set products back to valid if their observation leaves ingesting, or must be ingested again (`is_again`).

    After the action check, archived products stay archived. If validate then finds that the data of some have
    changed, it sets these to valid, and they are ingested again.
    """
    if previous is Status.INGESTING:
        source = ProductStatus.INGESTING
        ended = (
            f"The observation became {observation.status}, so this data product is not being ingested any more."
        )
        reason = write(ReasonCode.INGEST_ENDED, ended)
    elif is_again and previous in (Status.ARCHIVED, Status.REMOVE_ERROR):
        source = ProductStatus.ARCHIVED
        reason = write(ReasonCode.INGEST_AGAIN, "The observation is to be ingested again.")
    else:
        return
    products = session.scalars(
        select(DataProduct).where(DataProduct.observation_id == observation.id, DataProduct.status == source)
    )
    for product in products:
        history.enter_product(session, product, ProductStatus.VALID, authority, now, reason=reason)


def check(
    session: Session,
    observation: Observation,
    target: Status,
    authority: Authority,
    *,
    expect: Collection[Status] | None = None,
) -> None:
    """Raise ForbiddenMove, NotOwner or NotYet if an observation may not be moved; change nothing.

    Two rules also apply to a forced move: the products must support the status, and a removal needs deletion to be
    on.
    """
    status = observation.status
    allowed = allowed_next(status, observation.held_from)
    if (target not in allowed and not authority.may_force) or (expect is not None and status not in expect):
        raise ForbiddenMove(
            f"Cannot move {observation.task_id} from {status} to {target}"
            + (f": the request expects {' or '.join(expect)}" if expect is not None else "")
            + f". Allowed: {listed(allowed)}.",
            my_status=status,
            allowed=sorted(allowed),
        )
    if not authority.may_stop and target not in STOPS:
        _require_owner(session, observation, target, authority)
    _require_deletion(session, target)
    statements.require_support(session, observation, target)


def _require_owner(session: Session, observation: Observation, target: Status, authority: Authority) -> None:
    """Raise NotOwner if another owner works on an observation, or if another account has claimed it."""
    lease, now = observation.lease, datetime.now(UTC)
    if lease is not None and lease.expires_at > now and not is_held_by(lease, authority.owner, authority.actor):
        raise not_owner(observation)
    if (observation.status, target) in BEGINS:
        claims.require_claim(session, observation, authority.actor)


def listed(statuses: Collection[str]) -> str:
    """Format statuses as a list in a sentence."""
    return ", ".join(sorted(statuses)) or "none"
