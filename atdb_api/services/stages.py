"""The stages: pause, resume and limit them, and count their observations."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation, StageSetting
from atdb_api.services import changes
from atdb_interface.errors import NotFound, NotYet
from atdb_interface.lifecycle import (
    MAX_LOST_OWNERS,
    OBSERVE,
    STAGES,
    START_LEAD,
    Actor,
    Stage,
    Status,
)
from atdb_interface.stages import StageChange, StageState

Condition = ColumnElement[bool]
_Key = TypeVar("_Key", bound=Hashable)
_BY_NAME = {str(stage.actor): stage for stage in STAGES}


@dataclass(frozen=True)
class StageCounts:
    """How many observations wait for a stage, are claimed for it, and are in progress.

    `taken`: how many slots they take.

    An observation that is claimed while its last owner still works takes one slot.
    """

    waiting: int = 0
    claimed: int = 0
    working: int = 0
    taken: int = 0


def lock(session: Session, name: str) -> StageSetting:
    """Return the settings of a stage, locked until the transaction ends. Raises NotFound."""
    setting = session.scalar(select(StageSetting).where(StageSetting.stage == name).with_for_update())
    if setting is None:
        raise NotFound(f"There is no stage {name[:100]}. Stages: {', '.join(_BY_NAME)}.")
    return setting


def settings(session: Session) -> dict[str, StageSetting]:
    """Return the settings of each stage."""
    return {setting.stage: setting for setting in session.scalars(select(StageSetting))}


def change(session: Session, setting: StageSetting, change: StageChange, *, actor: str) -> None:
    """Pause or resume a locked stage, or change its limits, and record the account that did it.

    A pause releases the claims for the stage, because no work may begin; work in progress continues. Pausing a
    paused stage changes nothing: the first account and reason stay.
    """
    before = _governed(setting)
    if change.paused and setting.paused_by is None:
        setting.paused_by, setting.paused_at, setting.pause_reason = actor, datetime.now(UTC), change.reason
        void_claims(session, _BY_NAME[setting.stage])
    elif change.paused is False:
        setting.paused_by = setting.paused_at = setting.pause_reason = None
    if "slots" in change.model_fields_set:
        setting.slots = change.slots
    if change.delay_seconds is not None:
        setting.delay_seconds = change.delay_seconds
    after = _governed(setting)
    fields = {f"{setting.stage}.{n}": [before[n], after[n]] for n in before if before[n] != after[n]}
    if fields:
        changes.record(session, "edited", actor=actor, fields=fields, reason=change.reason)


def states(session: Session, rows: Sequence[StageSetting], *, counted: bool = True) -> list[StageState]:
    """Return stages with the counts of their observations, with one statement for all."""
    counts_of = counts(session, rows, datetime.now(UTC)) if counted else {}
    return [state(setting, counts_of.get(setting.stage, StageCounts())) for setting in rows]


def state(setting: StageSetting, counts: StageCounts) -> StageState:
    """Return a stage as the API shows it."""
    return StageState(
        stage=Actor(setting.stage),
        paused=setting.paused_by is not None,
        paused_by=setting.paused_by,
        paused_at=setting.paused_at,
        pause_reason=setting.pause_reason,
        slots=setting.slots,
        delay_seconds=setting.delay_seconds,
        waiting=counts.waiting,
        claimed=counts.claimed,
        working=counts.working,
    )


def counts(session: Session, rows: Iterable[StageSetting], now: datetime) -> dict[str, StageCounts]:
    """Count the observations of some stages, with one statement for all."""
    of_each: dict[tuple[str, str], Condition] = {}
    for setting in rows:
        stage = _BY_NAME[setting.stage]
        of_each[setting.stage, "waiting"] = waiting(stage, setting, now)
        of_each[setting.stage, "claimed"] = claimed(stage, now)
        of_each[setting.stage, "working"] = worked_on(stage, now)
        of_each[setting.stage, "taken"] = taken(stage, now)
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for (name, kind), number in count(session, of_each).items():
        numbers[name][kind] = number
    return {name: StageCounts(**of_stage) for name, of_stage in numbers.items()}


def waiting(
    stage: Stage, setting: StageSetting, now: datetime, statuses: Collection[Status] = tuple(Status)
) -> Condition:
    """Return the condition for unclaimed observations that wait for a stage, whether or not the stage is paused.

    A scheduled observation waits from START_LEAD before its start. Every observation waits only after the delay of
    the stage. An observation in the working status waits if its lease has expired and another owner can continue
    the work.
    """
    alternatives: list[Condition] = []
    if stage.source in statuses:
        conditions = [Observation.status == stage.source]
        if setting.delay_seconds:
            conditions.append(Observation.status_since <= now - timedelta(seconds=setting.delay_seconds))
        if stage is OBSERVE:
            conditions.append(Observation.start_time <= now + START_LEAD)
        alternatives.append(and_(*conditions))
    if stage.resumable and stage.working in statuses:
        few = Lease.lost_owners < MAX_LOST_OWNERS
        alternatives.append(and_(Observation.status == stage.working, _leased(Lease.expires_at < now, few)))
    return and_(or_(false(), *alternatives), unclaimed(now))


def unclaimed(now: datetime) -> Condition:
    """Return the condition for observations that no consumer has claimed."""
    return or_(Observation.claimed_until.is_(None), Observation.claimed_until < now)


def claimed(stage: Stage, now: datetime) -> Condition:
    """Return the condition for observations that are claimed for a stage, and not begun."""
    return and_(Observation.status.in_(_statuses(stage)), Observation.claimed_until >= now)


def worked_on(stage: Stage, now: datetime) -> Condition:
    """Return the condition for observations that an owner works on."""
    if stage.working is None:
        return false()
    return and_(Observation.status == stage.working, _leased(Lease.expires_at >= now))


def taken(stage: Stage, now: datetime) -> Condition:
    """Return the condition for observations that take a slot of a stage."""
    return or_(claimed(stage, now), worked_on(stage, now))


def free_slots(
    session: Session, rows: Iterable[StageSetting], now: datetime, most_open: int | None = None
) -> dict[str, int]:
    """Return how many more observations can be claimed for each stage that has a limit: its slots, or `most_open`.

    `most_open` limits what is claimed and not begun, but not for the telescope.
    """
    limits: dict[tuple[str, str], tuple[int, Condition]] = {}
    for setting in rows:
        stage = _BY_NAME[setting.stage]
        if setting.slots is not None:
            limits[setting.stage, "slots"] = setting.slots, taken(stage, now)
        if most_open is not None and stage is not OBSERVE:
            limits[setting.stage, "open"] = most_open, claimed(stage, now)
    number = count(session, {key: condition for key, (_, condition) in limits.items()})
    free: dict[str, int] = {}
    for (name, kind), (most, _) in limits.items():
        left = max(0, most - number[name, kind])
        free[name] = min(left, free.get(name, left))
    return free


def count(session: Session, conditions: Mapping[_Key, Condition]) -> dict[_Key, int]:
    """Count the observations that meet each of some conditions, with one statement at most."""
    if not conditions:
        return {}
    numbers = select(*(func.count().filter(each) for each in conditions.values())).select_from(Observation)
    return dict(zip(conditions, session.execute(numbers.where(or_(*conditions.values()))).one(), strict=True))


def _governed(setting: StageSetting) -> dict[str, Any]:
    return {
        "paused": setting.paused_by is not None,
        "slots": setting.slots,
        "delay_seconds": setting.delay_seconds,
    }


def void_claims(session: Session, stage: Stage) -> None:
    """Release the claims for a stage. Rows are locked in the order of bulk changes, to avoid deadlocks."""
    rows = session.scalars(
        select(Observation)
        .where(Observation.status.in_(_statuses(stage)), Observation.claimed_until.is_not(None))
        .order_by(Observation.task_id)
        .with_for_update()
    )
    for observation in rows:
        observation.end_claim()


def _leased(*conditions: Condition) -> Condition:
    return exists().where(Lease.observation_id == Observation.id, *conditions)


def _statuses(stage: Stage) -> list[Status]:
    return [status for status in (stage.source, stage.working) if status is not None]


def require_unpaused(session: Session, stage: Stage) -> StageSetting:
    """Return the settings of a stage. Raises NotYet while it is paused."""
    setting = session.get_one(StageSetting, stage.actor)
    if setting.paused_by is not None:
        raise NotYet(
            f"Stage {stage.actor} is paused by {setting.paused_by}. No work begins until an operator resumes it.",
            stage=stage.actor,
            paused_by=setting.paused_by,
        )
    return setting
