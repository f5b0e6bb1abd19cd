"""All that the database knows of why an observation is where it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from atdb_api.models import Claim, Lease, Observation, Service, StageSetting, Transition
from atdb_api.services import history, stages
from atdb_interface.lifecycle import AT_THE_TELESCOPE, STAGES, Stage, Status

#: The stage that waits for, or works on, what has a status.
STAGE_OF = {status: stage for stage in STAGES for status in (stage.working, stage.source) if status}


@dataclass(frozen=True)
class Situation:
    """An observation, how it came to its status, and what stands between it and the next.

    `stage`: the one that waits for it or works on it, and its `setting`. Of one that waits: the `services` for
    its status, the last heard of first, and `claim`, where a consumer has it, or else how many observations are
    before it (`ahead`) and in the stage (`taken`). `busy`: what is starting or running meanwhile.
    """

    observation: Observation
    now: datetime
    last: Transition
    stage: Stage | None = None
    setting: StageSetting | None = None
    lease: Lease | None = None
    claim: Claim | None = None
    ahead: int = 0
    taken: int = 0
    services: Sequence[Service] = ()
    busy: str | None = None

    @property
    def is_claimed(self) -> bool:
        """Tell whether a consumer has it."""
        until = self.observation.claimed_until
        return until is not None and until >= self.now

    @property
    def rest(self) -> timedelta:
        """Tell for how long its stage lets it wait before work begins."""
        if self.setting is None or self.stage is None or self.observation.status is not self.stage.source:
            return timedelta(0)
        return timedelta(seconds=self.setting.delay_seconds)

    @property
    def rests_until(self) -> datetime | None:
        """Tell when its rest before the stage ends; None where it is over, or work has begun."""
        end = self.observation.status_since + self.rest
        return end if end > self.now else None


def situation(
    session: Session, observation: Observation, now: datetime, last: Transition | None = None
) -> Situation:
    """Ask the database; five statements at most. `last`: its last transition, where that is known already."""
    stage = STAGE_OF.get(observation.status)
    last = last or history.latest(session, observation.task_id)
    if stage is None:
        return Situation(observation, now, last)
    is_working = observation.status is stage.working
    lease = observation.lease if is_working else None
    if is_working and (lease is None or lease.expires_at >= now):
        return Situation(observation, now, last, stage, lease=lease)
    setting = session.get_one(StageSetting, stage.actor)
    busy = _busy(session) if observation.status is Status.SCHEDULED else None
    services = session.scalars(
        select(Service)
        .where(Service.statuses.contains([str(observation.status)]))
        .order_by(Service.last_seen.desc())
    ).all()
    found = Situation(observation, now, last, stage, setting, lease, busy=busy, services=services)
    if found.is_claimed:
        return replace(found, claim=_claim(session, observation))
    taken = or_(stages.claimed(stage, now), stages.worked_on(stage, now))
    ahead = and_(stages.waiting(stage, setting, now), _before(observation))
    counts = stages.count(session, {"ahead": ahead, "taken": taken})
    return replace(found, ahead=counts["ahead"], taken=counts["taken"])


def _claim(session: Session, observation: Observation) -> Claim | None:
    """Return the claim that an observation is in."""
    return session.get(Claim, observation.claim_id) if observation.claim_id else None


def _before(observation: Observation) -> stages.Condition:
    """Find what is given out before an observation."""
    o = observation
    same_start = and_(Observation.start_time == o.start_time, Observation.id < o.id)
    earlier = or_(Observation.start_time < o.start_time, same_start)
    return or_(Observation.priority > o.priority, and_(Observation.priority == o.priority, earlier))


def _busy(session: Session) -> str | None:
    """Name what the telescope has."""
    return session.scalar(
        select(Observation.task_id)
        .where(Observation.status.in_(AT_THE_TELESCOPE))
        .order_by(Observation.start_time.desc())
        .limit(1)
    )
