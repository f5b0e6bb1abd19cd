"""Say in one sentence why an observation is not moving."""

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from atdb_api.models import Observation, Transition
from atdb_api.quantities import about, size
from atdb_api.services.explain.barriers import barriers, because, data_host, given, waits
from atdb_api.services.explain.situation import Situation, situation
from atdb_interface.actions import actions_from
from atdb_interface.expected import due
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
#: What would take longer than this has hardly begun, and nothing can be told yet.
LONGEST_GUESS_SECONDS = 30 * 86400


def explain(session: Session, observation: Observation, now: datetime, last: Transition | None = None) -> str:
    """Say why an observation is where it is, and since when it should not be; five statements at most.

    `last`: its last transition, where that is known already.
    """
    return sentence(situation(session, observation, now, last))


def sentence(found: Situation) -> str:
    """Say what a situation is."""
    o = found.observation
    limit = due(o.status, since=o.status_since, start=o.start_time, end=o.end_time, rest=found.rest)
    is_overdue = limit is not None and limit < found.now
    return _says(o.status)(found) + (f"; overdue since {write_time(limit)}" if limit and is_overdue else "")


def _before_start(found: Situation) -> str:
    o, start = found.observation, write_time(found.observation.start_time)
    if found.now > o.start_time + START_TOLERANCE:
        return f"its start at {start} has passed, so observe will find it too late; {waits(found)}"
    if o.start_time > found.now + START_LEAD:
        lead, busy = about(START_LEAD.total_seconds()), about(START_LEAD_BUSY.total_seconds())
        said = f"waits for its start at {start}; the telescope gets it {lead} before, or {busy} if it is busy"
        return "; ".join([said, *barriers(found)])
    if found.is_claimed and found.busy and not barriers(found):
        then = write_time(o.start_time - START_LEAD_BUSY)
        return f"{given(found)}; {found.busy} has the telescope, which gets this one at {then} at the latest"
    return f"its start is at {start}; {waits(found)}"


def _worked_on(found: Situation) -> str:
    lease, o = found.lease, found.observation
    if lease is None:
        by = f"{found.last.actor} made it {o.status} at {write_time(o.status_since)}"
        return f"{by} without a lease, so nobody is given it, and whether anything works on it is not known"
    if lease.expires_at < found.now:
        return _lost(found)
    began, start = write_time(lease.began_at), write_time(o.start_time)
    if o.status is not S.STARTING:
        return f"{lease.owner} works on it since {began}{_progress(found)}"
    if found.now <= o.start_time:
        return f"{lease.owner} has it since {began}: the telescope starts it at {start}"
    return f"{lease.owner} has it since {began}: its start was at {start}, and that it runs was not yet said"


def _progress(found: Situation) -> str:
    """Say how far the work is; how long it still takes only while nothing is in its way."""
    lease = found.lease
    if lease is None:
        return ""
    said, done, total = "", lease.done_bytes, lease.total_bytes
    if done is not None and total:
        said = f": {min(100, 100 * done // total)} % of {size(total)}"
        left_seconds = (found.now - lease.began_at).total_seconds() * (total - done) / max(1, done)
        if 0 < done < total and left_seconds < LONGEST_GUESS_SECONDS and not lease.trouble:
            said += f", about {about(left_seconds)} left"
    elif done is not None:
        said = f": {size(done)} done"
    if lease.trouble and lease.trouble_since:
        said += f"; trouble since {write_time(lease.trouble_since)}{because(lease.trouble)}"
    return said


def _lost(found: Situation) -> str:
    lease, stage = found.lease, found.stage
    if lease is None or stage is None:
        return ""
    lost = f"its owner {lease.owner} is lost since {write_time(lease.expires_at)}"
    if not stage.resumable:
        return f"{lost}; the telescope is not asked twice, so reconcile puts it on {stage.error}"
    if lease.lost_owners >= MAX_LOST_OWNERS:
        return f"{lost}, the last of {lease.lost_owners + 1}; reconcile puts it on {stage.error}"
    return f"{lost}, and another may have the work; {waits(found)}"


def _runs(found: Situation) -> str:
    o, end = found.observation, write_time(found.observation.end_time)
    if found.now < o.end_time:
        return f"observing until {end}"
    completes_after = instrument().mode(o.observing_mode).completes_after
    then = S.ERROR_NO_COMPLETING if completes_after is None else S.COMPLETING
    limit = max(o.end_time, o.status_since) + (COMPLETING_TIMEOUT if completes_after is None else completes_after)
    if found.now <= limit:
        wait = f"waits until {write_time(limit)} for the data writer's word"
        return f"ended at {end}; {wait}, without which observe makes it {then}"
    return (
        f"ended at {end} and the data writer said nothing; since {write_time(limit)} observe is to make it {then}"
    )


def _needs_a_person(found: Situation) -> str:
    o = found.observation
    actions = ", ".join(actions_from(o.status, o.held_from))
    since = write_time(o.status_since)
    return f"waits for a person since {since}{because(found.last.reason)}; its actions are {actions}"


def _by(found: Situation, what: str) -> str:
    since = write_time(found.observation.status_since)
    return f"{what} by {found.last.actor} since {since}{because(found.last.reason)}"


def _is_on_hold(found: Situation) -> str:
    return f"{_by(found, S.ON_HOLD)}; resume takes it back to {found.observation.held_from}"


def _is_aborted(found: Situation) -> str:
    return f"{_by(found, S.ABORTED)}; that is its end"


def _is_removed(found: Situation) -> str:
    since = write_time(found.observation.status_since)
    return f"its data were removed from {data_host(found)} at {since}; that is its end"


def _says(status: Status) -> Callable[[Situation], str]:
    """Return what explains a status."""
    if status is OBSERVE.source:
        return _before_start
    if status in _SOURCES:
        return waits
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
        Group.WAITING: waits,
        Group.WORKING: _worked_on,
        Group.ATTENTION: _needs_a_person,
        Group.DONE: _is_removed,
        Group.ENDED: _is_aborted,
    }
)
