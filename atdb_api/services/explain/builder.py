"""Read the situations of observations from the database: of one and of many by the same rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, case, func, lateral, or_, select, true
from sqlalchemy.orm import Session, aliased

from atdb_api.models import Claim, Lease, Observation, Service, Transition
from atdb_api.services import deletion, stages
from atdb_api.services.claims import ORDER
from atdb_api.services.explain.situation import STAGE_OF, ClaimedBy, Situation, Subject, Surroundings
from atdb_interface.lifecycle import AT_THE_TELESCOPE, STAGES, Status


def select_subjects() -> Select[Observation, Lease | None, Transition, str | None, datetime | None]:
    """Select the rows from which `subject` is created."""
    of_observation = (Transition.task_id == Observation.task_id) & Transition.dataproduct.is_(None)
    newest = select(Transition).where(of_observation).order_by(Transition.id.desc()).limit(1)
    last = aliased(Transition, lateral(newest, "last"))
    return (
        select(Observation, Lease, last, Claim.consumer, Claim.created_at)
        .outerjoin(Lease, Lease.observation_id == Observation.id)
        .outerjoin(Claim, Claim.id == Observation.claim_id)
        .join(last, true())
    )


def subject(
    observation: Observation,
    lease: Lease | None,
    last: Transition,
    consumer: str | None,
    claimed_at: datetime | None,
) -> Subject:
    """Create the subject of an explanation."""
    claim = ClaimedBy(consumer, claimed_at) if consumer is not None and claimed_at is not None else None
    return Subject(observation, lease, last, claim)


def situation_of(session: Session, subject: Subject, now: datetime) -> Situation:
    """Return the situation of one observation, with four statements at most."""
    alone = Situation(subject, Surroundings(now, {}, {}, (), None))
    if not alone.is_waiting:
        return alone
    return situations_of(session, [subject], _surroundings(session, alone))[0]


def situations_of(session: Session, subjects: Sequence[Subject], around: Surroundings) -> list[Situation]:
    """Return the situations of many observations, with one statement at most."""
    each = [Situation(subject, around) for subject in subjects]
    ids = [one.observation.id for one in each if one.is_waiting and not one.is_claimed]
    ahead = _ahead(session, ids, around)
    return [replace(one, ahead=ahead.get(one.observation.id, 0)) for one in each]


def _surroundings(session: Session, alone: Situation) -> Surroundings:
    """Read the surroundings of one observation that waits, with three statements at most."""
    settings, switch = deletion.with_settings(session)
    services = session.scalars(select(Service).order_by(Service.last_seen.desc())).all()
    around = replace(alone.around, settings=settings, services=services, deletion=switch)
    stage = alone.stage
    if stage is None:
        return around
    if not alone.is_claimed:
        counts = stages.counts(session, [settings[stage.actor]], around.now)
        return replace(around, taken={name: count.taken for name, count in counts.items()})
    if alone.observation.status is Status.SCHEDULED:
        return replace(around, at_telescope=at_telescope(session))
    return around


def at_telescope(session: Session) -> str | None:
    """Return the taskID that the telescope has, or will have next."""
    return session.scalar(
        select(Observation.task_id)
        .where(Observation.status.in_(AT_THE_TELESCOPE))
        .order_by(Observation.start_time.desc())
        .limit(1)
    )


def _ahead(session: Session, ids: Sequence[int], around: Surroundings) -> dict[int, int]:
    """Count the observations that are ahead of each of some others in the queue of its stage."""
    if not ids:
        return {}
    stage = case({status: stage.actor for status, stage in STAGE_OF.items()}, value=Observation.status)
    place = func.row_number().over(partition_by=stage, order_by=ORDER)
    is_waiting = or_(*(stages.waiting(each, around.settings[each.actor], around.now) for each in STAGES))
    queue = select(Observation.id, (place - 1).label("ahead")).where(is_waiting).subquery()
    return dict(session.execute(select(queue.c.id, queue.c.ahead).where(queue.c.id.in_(ids))).all())
