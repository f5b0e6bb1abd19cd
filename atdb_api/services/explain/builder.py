"""Read the situations of one or many observations from the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, lateral, or_, select, true
from sqlalchemy.orm import Bundle, Session, aliased

from atdb_api.models import Claim, DataProduct, Lease, Observation, Receipt, Service, Transition
from atdb_api.services import deletion, stages
from atdb_api.services.claims import ORDER
from atdb_api.services.explain.situation import ClaimedBy, RemovalProof, Situation, Subject, Surroundings
from atdb_interface.lifecycle import AT_THE_TELESCOPE, STAGES, ProductStatus, Status
from atdb_interface.status_kinds import STAGE_OF

#: The consumer that has claimed an observation, and when; two nulls if none has.
CLAIM: Bundle[Any] = Bundle("claim", Claim.consumer, Claim.created_at)


def select_subjects() -> Select[Any]:
    """Select the rows from which `subject` is created."""
    of_observation = (Transition.task_id == Observation.task_id) & Transition.dataproduct.is_(None)
    newest = select(Transition).where(of_observation).order_by(Transition.id.desc()).limit(1)
    last = aliased(Transition, lateral(newest, "last"))
    return (
        select(Observation, Lease, last, CLAIM, removal())
        .outerjoin(Lease, Lease.observation_id == Observation.id)
        .outerjoin(Claim, Claim.id == Observation.claim_id)
        .join(last, true())
    )


def removal() -> ColumnElement[dict[str, Any] | None]:
    """Select what proves that the data of an observation were removed, as one value; null for any other status."""
    product, is_removed = DataProduct.filename, DataProduct.status == ProductStatus.REMOVED
    host = func.split_part(Receipt.data_location, ":", 1)
    of_product = (Receipt.task_id == DataProduct.task_id) & (Receipt.dataproduct == product)
    proof = (
        select(
            func.jsonb_build_object(
                "products",
                func.count(product.distinct()),
                "failed",
                func.count(product.distinct()).filter(DataProduct.status == ProductStatus.INVALID),
                "proven",
                func.count(product.distinct()).filter(is_removed & Receipt.id.is_not(None)),
                "hosts",
                func.coalesce(func.array_agg(host.distinct()).filter(Receipt.id.is_not(None)), []),
            )
        )
        .select_from(DataProduct)
        .outerjoin(Receipt, of_product)
        .where(DataProduct.observation_id == Observation.id)
        .correlate(Observation)
        .scalar_subquery()
    )
    return case((Observation.status == Status.REMOVED, proof))


def subject(
    observation: Observation,
    lease: Lease | None,
    last: Transition,
    claim: Row[str | None, datetime | None],
    removal: dict[str, Any] | None,
) -> Subject:
    """Create the subject of an explanation."""
    consumer, claimed_at = claim
    claimed = ClaimedBy(consumer, claimed_at) if consumer is not None and claimed_at is not None else None
    return Subject(observation, lease, last, claimed, RemovalProof(**removal) if removal else None)


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
