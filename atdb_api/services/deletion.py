"""The deletion switch: an operator switches all deletion from the data hosts off, and on again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from atdb_api.models import DeletionSwitch, StageSetting
from atdb_api.services import changes, stages
from atdb_interface.deletion import Deletion, DeletionChange
from atdb_interface.errors import NotYet
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import REMOVE


def state(session: Session) -> Deletion:
    """Return the state of the switch."""
    return _state(session.scalars(select(DeletionSwitch)).one())


def lock(session: Session) -> Deletion:
    """Return the state of the switch, which it keeps until the transaction ends."""
    return _state(_locked(session))


def with_settings(session: Session) -> tuple[dict[str, StageSetting], Deletion]:
    """Return the settings of each stage and the state of the switch, with one statement."""
    rows = session.execute(select(StageSetting, DeletionSwitch).join(DeletionSwitch, true())).all()
    return {setting.stage: setting for setting, _ in rows}, _state(rows[0][1])


def change(session: Session, change: DeletionChange, *, actor: str) -> Deletion:
    """Switch deletion off or on, and record the account that did it.

    While it is off, no work of the stage remove begins, so the claims for it are released. If it is off already,
    switching it off changes nothing: the first account and reason stay.
    """
    switch = _locked(session)
    was_allowed = switch.stopped_by is None
    if change.allowed is was_allowed:
        return _state(switch)
    if change.allowed:
        switch.stopped_by = switch.stopped_at = switch.reason = None
    else:
        switch.stopped_by, switch.stopped_at, switch.reason = actor, datetime.now(UTC), change.reason
        stages.void_claims(session, REMOVE)
    fields = {"deletion.allowed": [was_allowed, change.allowed]}
    changes.record(session, "edited", actor=actor, fields=fields, reason=change.reason)
    return _state(switch)


def claimable(session: Session, settings: Sequence[StageSetting], *, lock: bool) -> list[StageSetting]:
    """Return the settings of those stages whose work neither a pause nor the switch prevents.

    With `lock`, the switch keeps its state until the transaction ends.
    """
    opened = [setting for setting in settings if setting.paused_by is None]
    if all(setting.stage != REMOVE.actor for setting in opened):
        return opened
    query = select(DeletionSwitch)
    switch = session.scalars(query.with_for_update(read=True) if lock else query).one()
    return [setting for setting in opened if switch.stopped_by is None or setting.stage != REMOVE.actor]


def require_allowed(session: Session) -> None:
    """Raise NotYet while deletion is switched off."""
    now = state(session)
    if not now.allowed:
        raise NotYet(
            f"{sentence(now)} Nothing is deleted from the data hosts until an operator switches it on again.",
            stage=REMOVE.actor,
            paused_by=now.stopped_by,
        )


def sentence(off: Deletion) -> str:
    """Report who has switched deletion off, since when and why."""
    since = write_time(off.stopped_at) if off.stopped_at else "an unknown time"
    reason = " ".join((off.reason or "").split()).removesuffix(".")
    return f"Deletion has been switched off by {off.stopped_by} since {since}: {reason}."


def _locked(session: Session) -> DeletionSwitch:
    return session.scalars(select(DeletionSwitch).with_for_update()).one()


def _state(switch: DeletionSwitch) -> Deletion:
    return Deletion(
        allowed=switch.stopped_by is None,
        stopped_by=switch.stopped_by,
        stopped_at=switch.stopped_at,
        reason=switch.reason,
    )
