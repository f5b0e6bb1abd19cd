"""Say in one sentence why an observation is not moving."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation
from atdb_api.quantities import about, size
from atdb_api.services.explain.barriers import barriers, because, claimed_by, data_host, waiting_for
from atdb_api.services.explain.builder import select_subjects, situation_of, situations_of, subject
from atdb_api.services.explain.situation import Situation, Subject, Surroundings
from atdb_api.services.progress import progress_of
from atdb_interface.actions import actions_from
from atdb_interface.expected_durations import due
from atdb_interface.fields import write_time
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import (
    AT_THE_TELESCOPE,
    COMPLETING_TIMEOUT,
    MAX_LOST_OWNERS,
    OBSERVE,
    STAGES,
    START_LEAD,
    START_LEAD_BUSY,
    START_TOLERANCE,
    STATUSES,
    WORKING,
    Group,
    Status,
)

S = Status


def explain(session: Session, observation: Observation, now: datetime) -> str:
    """Say why an observation is where it is, and since when it should not be; five statements at most."""
    row = session.execute(select_subjects().where(Observation.id == observation.id)).one()
    return explain_subject(session, subject(*row), now)


def explain_subject(session: Session, subject: Subject, now: datetime) -> str:
    """Say the same of an observation of which the lease, the last transition and the claim are known; four."""
    return sentence(situation_of(session, subject, now))


def explain_many(session: Session, subjects: Sequence[Subject], around: Surroundings) -> dict[str, str]:
    """Say the same of many observations, by their taskIDs; one statement at most."""
    situations = situations_of(session, subjects, around)
    return {situation.observation.task_id: sentence(situation) for situation in situations}


def sentence(situation: Situation) -> str:
    """Say what a situation is."""
    o = situation.observation
    limit = due(o.status, since=o.status_since, start=o.start_time, end=o.end_time, delay=situation.delay)
    is_overdue = limit is not None and limit < situation.now
    return _says(o.status)(situation) + (f"; overdue since {write_time(limit)}" if limit and is_overdue else "")


def _before_start(situation: Situation) -> str:
    o, start = situation.observation, write_time(situation.observation.start_time)
    if situation.now > o.start_time + START_TOLERANCE:
        return f"its start at {start} has passed, so observe will find it too late; {waiting_for(situation)}"
    if o.start_time > situation.now + START_LEAD:
        lead, busy = about(START_LEAD.total_seconds()), about(START_LEAD_BUSY.total_seconds())
        said = f"waits for its start at {start}; the telescope gets it {lead} before, or {busy} if it is busy"
        return "; ".join([said, *barriers(situation)])
    if situation.is_claimed and (other := situation.around.at_telescope) and not barriers(situation):
        then = write_time(o.start_time - START_LEAD_BUSY)
        return f"{claimed_by(situation)}; {other} has the telescope, which gets this one at {then} at the latest"
    return f"its start is at {start}; {waiting_for(situation)}"


def _worked_on(situation: Situation) -> str:
    lease, o = situation.subject.lease, situation.observation
    if lease is None:
        by = f"{situation.subject.last.actor} made it {o.status} at {write_time(o.status_since)}"
        return f"{by} without a lease, so nobody is given it, and whether anything works on it is not known"
    if lease.expires_at < situation.now:
        return _lost(situation)
    began, start = write_time(lease.began_at), write_time(o.start_time)
    if o.status is not S.STARTING:
        return f"{lease.owner} works on it since {began}{_progress(lease, situation.now)}"
    if situation.now <= o.start_time:
        return f"{lease.owner} has it since {began}: the telescope starts it at {start}"
    return f"{lease.owner} has it since {began}: its start was at {start}, and that it runs was not yet said"


def _progress(lease: Lease, now: datetime) -> str:
    """Say how far the work is; how long it still takes only while nothing is in its way."""
    said, progress = "", progress_of(lease)
    if progress.percent is not None and progress.total_bytes:
        said = f": {progress.percent} % of {size(progress.total_bytes)}"
        if (left := progress.left(now)) is not None:
            said += f", about {about(left.total_seconds())} left"
    elif progress.done_bytes is not None:
        said = f": {size(progress.done_bytes)} done"
    if lease.trouble and lease.trouble_since:
        said += f"; trouble since {write_time(lease.trouble_since)}{because(lease.trouble)}"
    return said


def _lost(situation: Situation) -> str:
    lease, stage = situation.subject.lease, situation.stage
    if lease is None or stage is None:
        return ""
    lost = f"its owner {lease.owner} is lost since {write_time(lease.expires_at)}"
    if not stage.resumable:
        return f"{lost}; the telescope is not asked twice, so reconcile puts it on {stage.error}"
    if lease.lost_owners >= MAX_LOST_OWNERS:
        return f"{lost}, the last of {lease.lost_owners + 1}; reconcile puts it on {stage.error}"
    return f"{lost}, and another may have the work; {waiting_for(situation)}"


def _runs(situation: Situation) -> str:
    o, end = situation.observation, write_time(situation.observation.end_time)
    if situation.now < o.end_time:
        return f"observing until {end}"
    completes_after = instrument().mode(o.observing_mode).completes_after
    then = S.ERROR_NO_COMPLETING if completes_after is None else S.COMPLETING
    limit = max(o.end_time, o.status_since) + (COMPLETING_TIMEOUT if completes_after is None else completes_after)
    if situation.now <= limit:
        wait = f"waits until {write_time(limit)} for the data writer's word"
        return f"ended at {end}; {wait}, without which observe makes it {then}"
    return (
        f"ended at {end} and the data writer said nothing; since {write_time(limit)} observe is to make it {then}"
    )


def _needs_a_person(situation: Situation) -> str:
    o = situation.observation
    actions = ", ".join(actions_from(o.status, o.held_from))
    since = write_time(o.status_since)
    return f"waits for a person since {since}{because(situation.subject.last.reason)}; its actions are {actions}"


def _by(situation: Situation, what: str) -> str:
    since, last = write_time(situation.observation.status_since), situation.subject.last
    return f"{what} by {last.actor} since {since}{because(last.reason)}"


def _is_on_hold(situation: Situation) -> str:
    return f"{_by(situation, S.ON_HOLD)}; resume takes it back to {situation.observation.held_from}"


def _is_aborted(situation: Situation) -> str:
    return f"{_by(situation, S.ABORTED)}; that is its end"


def _is_removed(situation: Situation) -> str:
    since = write_time(situation.observation.status_since)
    return f"its data were removed from {data_host(situation)} at {since}; that is its end"


def _says(status: Status) -> Callable[[Situation], str]:
    """Return what explains a status."""
    if status is OBSERVE.source:
        return _before_start
    if status in _SOURCES:
        return waiting_for
    if status in WORKING:
        return _worked_on
    if status in AT_THE_TELESCOPE:
        return _runs
    if status is S.ON_HOLD:
        return _is_on_hold
    return _OF_GROUP[STATUSES[status].group]


_SOURCES = tuple(stage.source for stage in STAGES)
_OF_GROUP = MappingProxyType(
    {
        Group.WAITING: waiting_for,
        Group.WORKING: _worked_on,
        Group.ATTENTION: _needs_a_person,
        Group.DONE: _is_removed,
        Group.ENDED: _is_aborted,
    }
)
