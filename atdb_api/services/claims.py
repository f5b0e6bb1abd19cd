"""Claim waiting observations, each for one consumer, within the limits that operators set for each stage.

A claim and its consumer belong to the account that made the claim. It can pass the claim on to one other account.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select, true
from sqlalchemy.orm import Session

from atdb_api.models import Account, Claim, DataProduct, Observation, StageSetting
from atdb_api.search import filters
from atdb_api.search.columns import OBSERVATION_COLUMNS
from atdb_api.search.keyset import Keyset, Term
from atdb_api.services import deletion, stages
from atdb_api.services.stages import Condition
from atdb_interface.claims import ClaimedTask, ClaimRequest, OpenClaim
from atdb_interface.errors import BadRequest, NotOwner
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import STAGES, Status
from atdb_interface.status_kinds import STAGE_OF

#: The order in which observations are claimed.
TURNS = Keyset((Term(Observation.priority, descending=True), Term(Observation.start_time), Term(Observation.id)))
ORDER = TURNS.order_by


def count_waiting(
    session: Session,
    statuses: Collection[Status],
    parameters: Iterable[tuple[str, str]],
    most_open: int | None = None,
) -> int:
    """Count the observations that a claim would return now; change nothing."""
    now = datetime.now(UTC)
    matching = filters.where(OBSERVATION_COLUMNS, parameters)
    settings = session.scalars(select(StageSetting).where(StageSetting.stage.in_(_stages(statuses)))).all()
    free = stages.free_slots(session, settings, now, most_open)
    available = _available(statuses, deletion.claimable(session, settings, lock=False), now)
    conditions = {name: and_(condition, *matching) for name, condition in available.items()}
    counts = stages.count(session, conditions)
    return sum(min(number, free.get(name, number)) for name, number in counts.items())


def claim(session: Session, request: ClaimRequest, *, actor: str) -> Claim:
    """Claim waiting observations: the highest priority first, then the oldest start.

    Rows that another claim has locked at this moment are skipped. The claim's id is locked, so that a client that
    repeats its request while the first one is running gets the same answer. Each stage is locked too: it cannot be
    paused meanwhile, and two claims cannot take the same slot.

    Raises NotOwner if the id is that of another account's claim, and BadRequest for an unknown `for_account`.
    """
    now = datetime.now(UTC)
    matching = filters.where(OBSERVATION_COLUMNS, request.filters.items())
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(request.id, 0))))
    earlier = session.get(Claim, request.id)
    if earlier is not None:
        if not _may_use(earlier, actor):
            raise NotOwner(f"Claim {request.id} belongs to another account. Use an id that is your own.")
        return earlier
    if request.for_account is not None and session.get(Account, request.for_account) is None:
        message = f"there is no account {request.for_account}"
        raise BadRequest(f"for_account: {message}", errors=[{"field": "for_account", "message": message}])
    settings = _locked(session, _stages(request.statuses))
    free = stages.free_slots(session, settings, now, request.most_open)
    available = _available(request.statuses, deletion.claimable(session, settings, lock=True), now)
    unlimited = or_(*(condition for name, condition in available.items() if name not in free))
    observations = _take(session, [unlimited, *matching], request.limit)
    for name, number in free.items():
        if name in available:
            observations += _take(session, [available[name], *matching], min(number, request.limit))
    TURNS.sort(observations)
    expires = now + timedelta(seconds=request.lease_seconds)
    for observation in observations[: request.limit]:
        observation.claimed_until, observation.claim_id = expires, request.id
        counted_for = _counted_for(observation)
        number = observation.claim_numbers.get(counted_for, 0) + 1
        observation.claim_numbers = {**observation.claim_numbers, counted_for: number}
    new = Claim(
        id=request.id,
        consumer=request.consumer,
        account=actor,
        for_account=request.for_account,
        created_at=now,
        expires_at=expires,
        tasks=[task.model_dump(mode="json") for task in _claimed(session, observations[: request.limit])],
    )
    session.add(new)
    return new


def open_claims(session: Session, consumer: str, *, account: str | None) -> list[OpenClaim]:
    """Return the observations that a consumer has claimed and on which no work has begun, the oldest claim first.

    `account`: return only the claims that this account may use; None for those of all accounts.
    """
    is_usable = true() if account is None else or_(Claim.account.is_(None), _of(account))
    rows = session.execute(
        select(Observation, Claim)
        .join(Claim, Claim.id == Observation.claim_id)
        .where(Claim.consumer == consumer, is_usable, Observation.claimed_until >= datetime.now(UTC))
        .order_by(Claim.created_at, *ORDER)
    ).all()
    claims = {observation.task_id: claim for observation, claim in rows}
    return [
        OpenClaim(
            **task.model_dump(),
            claim=claims[task.taskID].id,
            claimed_at=claims[task.taskID].created_at,
            expires_at=claims[task.taskID].expires_at,
        )
        for task in _claimed(session, [observation for observation, _ in rows])
    ]


def release(
    session: Session, task_ids: Collection[str], claim_id: str | None = None, *, account: str | None
) -> int:
    """Release claimed observations, so that they are available to claim; return how many were claimed.

    `claim_id`: release only those in this claim. `account`: the account that may use the claims; None for those of
    all accounts. Raises NotOwner, and releases nothing, if one of them belongs to another account.
    """
    if account is not None and claim_id is not None:
        named = session.get(Claim, claim_id)
        if named is not None and not _may_use(named, account):
            raise NotOwner(f"Claim {claim_id} belongs to another account, so {account} cannot release it.")
    claimed = [Observation.task_id.in_(task_ids), Observation.claimed_until >= datetime.now(UTC)]
    if claim_id is not None:
        claimed.append(Observation.claim_id == claim_id)
    rows = session.scalars(
        select(Observation).where(*claimed).order_by(Observation.task_id).with_for_update()
    ).all()
    if account is not None:
        ids = {observation.claim_id for observation in rows}
        held = {each.id: each for each in session.scalars(select(Claim).where(Claim.id.in_(ids)))}
        for observation in rows:
            _require_use(observation, held.get(observation.claim_id or ""), account)
    for observation in rows:
        observation.end_claim()
    return len(rows)


def require_claim(session: Session, observation: Observation, account: str) -> None:
    """Raise NotOwner if an observation, which must be locked, is claimed by another account."""
    until = observation.claimed_until
    if until is not None and until >= datetime.now(UTC) and observation.claim_id is not None:
        _require_use(observation, session.get(Claim, observation.claim_id), account)


def _require_use(observation: Observation, held: Claim | None, account: str) -> None:
    """Raise NotOwner if an account may not use the claim that holds an observation now."""
    until = observation.claimed_until
    if held is None or until is None or _may_use(held, account):
        return
    raise NotOwner(
        f"Observation {observation.task_id} is claimed by {held.consumer} of account {held.account} until "
        f"{write_time(until)}. Wait until the claim has expired, or ask an operator to release it.",
        my_status=observation.status,
        account=held.account,
        expires_at=write_time(until),
    )


def _may_use(held: Claim, account: str) -> bool:
    """Return whether an account may use a claim. An earlier version has not recorded the accounts of claims."""
    return held.account is None or account in (held.account, held.for_account)


def _of(account: str) -> Condition:
    return or_(Claim.account == account, Claim.for_account == account)


def _counted_for(observation: Observation) -> str:
    """Return the name under which the claims of an observation are counted: its stage.

    If it waits for no stage, its status.
    """
    stage = STAGE_OF.get(observation.status)
    return str(stage.actor if stage else observation.status)


def _claimed(session: Session, observations: Sequence[Observation]) -> list[ClaimedTask]:
    """Return claimed observations as their consumer gets them, with one statement."""
    ids = [observation.id for observation in observations]
    products = (
        select(DataProduct.observation_id, func.count())
        .where(DataProduct.observation_id.in_(ids))
        .group_by(DataProduct.observation_id)
    )
    counts = dict(session.execute(products).all())
    return [
        ClaimedTask(
            taskID=o.task_id,
            my_status=o.status,
            number=o.claim_numbers.get(_counted_for(o), 0),
            name=o.name,
            observing_mode=o.observing_mode,
            dataproducts=counts.get(o.id, 0),
        )
        for o in observations
    ]


def _stages(statuses: Collection[Status]) -> list[str]:
    """Return the names of the stages that some statuses belong to."""
    return [str(stage.actor) for stage in STAGES if {stage.source, stage.working} & set(statuses)]


def _locked(session: Session, names: Collection[str]) -> list[StageSetting]:
    """Read the settings of stages, and lock them until the transaction ends.

    Claims of a stage without slots do not wait for each other. If an operator sets or removes the slots of a stage
    at this moment, this claim may return no observation for it.
    """
    settings = select(StageSetting).where(StageSetting.stage.in_(names)).order_by(StageSetting.stage)
    limited = settings.where(StageSetting.slots.is_not(None)).with_for_update()
    others = settings.where(StageSetting.slots.is_(None)).with_for_update(read=True)
    return [*session.scalars(limited), *session.scalars(others)]


def _available(
    statuses: Collection[Status], settings: Sequence[StageSetting], now: datetime
) -> dict[str, Condition]:
    """Return the observations that are available to claim, by stage.

    The key "" has those that wait for no stage: any program can be a service for their statuses.
    """
    is_open = {setting.stage: setting for setting in settings}
    available = {
        setting.stage: stages.waiting(stage, setting, now, statuses)
        for stage in STAGES
        if (setting := is_open.get(stage.actor))
    }
    others = [status for status in statuses if status not in STAGE_OF]
    return available | {"": and_(Observation.status.in_(others), stages.unclaimed(now))}


def _take(session: Session, conditions: Sequence[Condition], most: int) -> list[Observation]:
    """Lock the first observations that meet these conditions and that no other claim has locked."""
    if most == 0:
        return []
    query = select(Observation).where(*conditions).order_by(*ORDER).limit(most)
    return list(session.scalars(query.with_for_update(skip_locked=True)))
