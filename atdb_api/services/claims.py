"""Give waiting observations out, each to one consumer only."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from atdb_api import filters
from atdb_api.models import Claim, Lease, Observation
from atdb_api.wire import OBSERVATION_COLUMNS
from atdb_interface.lifecycle import MAX_LOST_OWNERS, START_LEAD, WORKING, Status
from atdb_interface.work import ClaimRequest

#: How long after its end a claim is remembered.
KEEP_CLAIMS = timedelta(days=1)


def waiting(statuses: Collection[Status], parameters: dict[str, str], now: datetime) -> list[ColumnElement[bool]]:
    """Tell which observations wait, unclaimed, in these statuses.

    A scheduled one waits from START_LEAD before its start. One in a working status waits only when its owner
    let the lease run out, and the stage's work may be resumed by another.
    """
    resumable = [status for status in statuses if status in WORKING and WORKING[status].resumable]
    resting = [status for status in statuses if status not in WORKING and status is not Status.SCHEDULED]
    lost = exists().where(
        Lease.observation_id == Observation.id, Lease.expires_at < now, Lease.lost_owners < MAX_LOST_OWNERS
    )
    ways: list[ColumnElement[bool]] = [Observation.status.in_(resting)]
    if Status.SCHEDULED in statuses:
        due = Observation.start_time <= now + START_LEAD
        ways.append(and_(Observation.status == Status.SCHEDULED, due))
    if resumable:
        ways.append(and_(Observation.status.in_(resumable), lost))
    unclaimed = or_(Observation.claimed_until.is_(None), Observation.claimed_until < now)
    return [or_(*ways), unclaimed, *filters.where(OBSERVATION_COLUMNS, parameters.items())]


def count_waiting(session: Session, statuses: Collection[Status], parameters: dict[str, str]) -> int:
    """Count what a claim would give now; changes nothing."""
    conditions = waiting(statuses, parameters, datetime.now(UTC))
    return session.scalar(select(func.count()).select_from(Observation).where(*conditions)) or 0


def claim(session: Session, request: ClaimRequest) -> Claim:
    """Give out waiting observations, highest priority first, then oldest start first.

    Rows that another claim holds at this moment are passed over. The claim's id is locked, so that a client
    that repeats its request while the first still runs gets the first one's answer.
    """
    now = datetime.now(UTC)
    conditions = waiting(request.statuses, request.filters, now)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(request.id, 0))))
    given = session.get(Claim, request.id)
    if given is not None:
        return given
    expires = now + timedelta(seconds=request.lease_seconds)
    observations = session.scalars(
        select(Observation)
        .where(*conditions)
        .order_by(Observation.priority.desc(), Observation.start_time, Observation.id)
        .limit(request.limit)
        .with_for_update(skip_locked=True)
    ).all()
    for observation in observations:
        observation.claimed_until = expires
    new = Claim(
        id=request.id,
        consumer=request.consumer,
        created_at=now,
        expires_at=expires,
        tasks=[{"taskID": o.task_id, "my_status": o.status} for o in observations],
    )
    session.add(new)
    session.execute(delete(Claim).where(Claim.expires_at < now - KEEP_CLAIMS))
    return new
