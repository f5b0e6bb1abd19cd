"""Explain why the status of an observation does not change, in full sentences."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation
from atdb_api.services.explain.barriers import barriers, because, claimed_by, data_host, waiting_for
from atdb_api.services.explain.builder import select_subjects, situation_of, situations_of, subject
from atdb_api.services.explain.explanation import Cause, Explanation
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
    Stage,
    Status,
    allowed_next,
)
from atdb_interface.owners import STAGE_DAGS, read_owner
from atdb_interface.quantities import about, size

S = Status


def explain(session: Session, observation: Observation, now: datetime) -> str:
    """Explain why an observation has its status, and since when it is overdue; five statements at most."""
    row = session.execute(select_subjects().where(Observation.id == observation.id)).one()
    return explain_subject(session, subject(*row), now)


def explain_subject(session: Session, subject: Subject, now: datetime) -> str:
    """Explain an observation whose lease, last transition and claim are known; four statements at most."""
    return explanation_of(situation_of(session, subject, now)).text


def explain_many(session: Session, subjects: Sequence[Subject], around: Surroundings) -> dict[str, Explanation]:
    """Explain many observations; return the explanation of each taskID, with one statement at most."""
    situations = situations_of(session, subjects, around)
    return {situation.observation.task_id: explanation_of(situation) for situation in situations}


def explanation_of(situation: Situation) -> Explanation:
    """Return the explanation of a situation."""
    o = situation.observation
    limit = due(o.status, since=o.status_since, start=o.start_time, end=o.end_time, delay=situation.delay)
    is_overdue = limit is not None and limit < situation.now
    explanation = _explanation_of(o.status)(situation)
    if limit is None or not is_overdue:
        return explanation
    return replace(explanation, text=f"{explanation.text} Overdue since {write_time(limit)}.")


def _before_start(situation: Situation) -> Explanation:
    o, start = situation.observation, write_time(situation.observation.start_time)
    if situation.now > o.start_time + START_TOLERANCE:
        outcome = f"so observe will set this observation to {S.ERROR_TOO_LATE}"
        return waiting_for(situation).after(f"The start time {start} has passed, {outcome}.")
    if o.start_time > situation.now + START_LEAD:
        lead, busy = about(START_LEAD.total_seconds()), about(START_LEAD_BUSY.total_seconds())
        leads = f"{lead} before, or {busy} before if it is busy"
        receives = f"The telescope receives the observation {leads}."
        text = " ".join([f"Waiting for the start at {start}.", receives, *barriers(situation)])
        return Explanation(Cause.START_LATER, text)
    if situation.is_claimed and (other := situation.around.at_telescope) and not barriers(situation):
        then = write_time(o.start_time - START_LEAD_BUSY)
        text = f"{claimed_by(situation)}. The telescope has observation {other} and receives this one by {then}."
        return Explanation(Cause.TELESCOPE_BUSY, text)
    return waiting_for(situation).after(f"The start time is {start}.")


def _worked_on(situation: Situation) -> Explanation:
    lease, o = situation.subject.lease, situation.observation
    if lease is None:
        by = f"Status {o.status} was set by {situation.subject.last.actor} at {write_time(o.status_since)}"
        unknown = "ATDB does not know whether a run works on it. An operator must force a move."
        return Explanation(Cause.NO_LEASE, f"{by} without a lease. {unknown}")
    if lease.expires_at < situation.now:
        return _lost(situation, lease, WORKING[o.status])
    kind, began, start = _kind(lease), write_time(lease.began_at), write_time(o.start_time)
    if o.status is not S.STARTING:
        work = f"{kind.capitalize()} {lease.owner} has been working on this observation since {began}"
        return Explanation(Cause.WORK, f"{work}{_progress(lease, situation.now)}", lease.trouble or "")
    has_it = f"{kind.capitalize()} {lease.owner} has had this observation since {began}"
    if situation.now <= o.start_time:
        return Explanation(Cause.WORK, f"{has_it}; the telescope starts it at {start}.")
    not_reported = f"Its start was at {start}, but the {kind} has not yet reported that it has started."
    return Explanation(Cause.START_NOT_REPORTED, f"{has_it}. {not_reported}")


def _kind(lease: Lease) -> str:
    """Return the word for the owner of a lease: not only runs of Airflow can own work."""
    return "run" if read_owner(lease.owner)[0] in STAGE_DAGS else "owner"


def _progress(lease: Lease, now: datetime) -> str:
    """Return the end of a sentence: the progress of the work, and the time that is left or its problem."""
    done, progress = "", progress_of(lease)
    if progress.percent is not None and progress.total_bytes:
        done = f": {progress.percent} % of {size(progress.total_bytes)} done"
        if (left := progress.left(now)) is not None:
            done += f", about {about(left.total_seconds())} left"
    elif progress.done_bytes is not None:
        done = f": {size(progress.done_bytes)} done"
    if lease.trouble and lease.trouble_since:
        done += f". There has been a problem since {write_time(lease.trouble_since)}{because(lease.trouble)}"
    return f"{done}."


def _lost(situation: Situation, lease: Lease, stage: Stage) -> Explanation:
    lost = f"The lease of {_kind(lease)} {lease.owner} expired at {write_time(lease.expires_at)}"
    if not stage.resumable:
        never = "ATDB never starts an observation twice"
        asks = f"so reconcile asks the telescope and sets the status to {S.RUNNING} or {stage.error}"
        return Explanation(Cause.LAST_LEASE_EXPIRED, f"{lost}. {never}, {asks}.")
    if lease.lost_owners >= MAX_LOST_OWNERS:
        last = f"This work has been lost {lease.lost_owners + 1} times, so no other owner can take it"
        sets = f"Reconcile sets the status to {stage.error}."
        return Explanation(Cause.LAST_LEASE_EXPIRED, f"{lost}. {last}. {sets}")
    text = f"{lost}, so another owner can continue the work. {waiting_for(situation).text}"
    return Explanation(Cause.LEASE_EXPIRED, text)


def _runs(situation: Situation) -> Explanation:
    o, end = situation.observation, write_time(situation.observation.end_time)
    if situation.now < o.end_time:
        return Explanation(Cause.OBSERVING, f"The telescope is observing until {end}.")
    completes_after = instrument().mode(o.observing_mode).completes_after
    then = S.ERROR_NO_COMPLETING if completes_after is None else S.COMPLETING
    limit = max(o.end_time, o.status_since) + (COMPLETING_TIMEOUT if completes_after is None else completes_after)
    if situation.now <= limit:
        silent = f"If the data writer has not reported by {write_time(limit)}"
        text = f"The observation ended at {end}. {silent}, observe sets the status to {then}."
        return Explanation(Cause.OBSERVING, text)
    silent = f"The observation ended at {end}, but the data writer has not reported"
    due = f"Observe should have set the status to {then} at {write_time(limit)}"
    text = f"{silent}. {due}. Check that Airflow's triggerer is running: `atdb doctor`."
    return Explanation(Cause.END_NOT_REPORTED, text)


def _waits_for_operator(situation: Situation) -> Explanation:
    o = situation.observation
    actions = ", ".join(actions_from(o.status, o.held_from))
    since = write_time(o.status_since)
    reason = situation.subject.last.reason
    text = f"Waiting for an operator since {since}{because(reason)}. Possible actions: {actions}."
    return Explanation(Cause.OPERATOR, text, reason)


def _by(situation: Situation, what: str) -> str:
    since, last = write_time(situation.observation.status_since), situation.subject.last
    return f"{what} by {last.actor} at {since}{because(last.reason)}."


def _is_on_hold(situation: Situation) -> Explanation:
    text = f"{_by(situation, 'Put on hold')} Resume returns it to {situation.observation.held_from}."
    return Explanation(Cause.OPERATOR, text, situation.subject.last.reason)


def _is_aborted(situation: Situation) -> Explanation:
    return Explanation(Cause.FINAL, f"{_by(situation, 'Aborted')} This is final.")


def _is_removed(situation: Situation) -> Explanation:
    """State a removal only if there is a receipt of each product."""
    removal, since = situation.subject.removal, write_time(situation.observation.status_since)
    if removal is None or not removal.is_complete:
        proven = f"{removal.proven} of {removal.products}" if removal else "0"
        receipts = f"ATDB has receipts for the removal of {proven} data products. Check {data_host(situation)}."
        return Explanation(Cause.FINAL, f"{_by(situation, f'Set to {S.REMOVED}')} {receipts} This is final.")
    text = f"The data were removed from {', '.join(removal.hosts)} at {since}."
    if removal.failed:
        text += f" {removal.failed} of {removal.products} data products are invalid and were not removed."
    return Explanation(Cause.FINAL, f"{text} This is final.")


def _was_set(situation: Situation) -> Explanation:
    """Explain a status by its last change only: ATDB knows nothing else about it."""
    status = situation.observation.status
    text = _by(situation, f"Set to {status}")
    if allowed_next(status):
        return Explanation(Cause.SET, text)
    return Explanation(Cause.FINAL, f"{text} This is final.")


def _explanation_of(status: Status) -> Callable[[Situation], Explanation]:
    """Return the function that explains a status."""
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if status in _SOURCES:
        return waiting_for
    if status in WORKING:
        return _worked_on
    if status in AT_THE_TELESCOPE:
        return _runs
    return _waits_for_operator if STATUSES[status].group is Group.ATTENTION else _was_set


_SOURCES = tuple(stage.source for stage in STAGES)
_OF_STATUS = MappingProxyType(
    {
        OBSERVE.source: _before_start,
        S.ON_HOLD: _is_on_hold,
        S.REMOVED: _is_removed,
        S.ABORTED: _is_aborted,
    }
)
