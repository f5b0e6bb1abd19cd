"""ATDB and the telescope: starts whose owner is lost, observations past their end, and cancelled ones.

The telescope is asked and stopped here, and never started.
"""

import logging
from datetime import datetime, timedelta

from airflow.sdk.exceptions import AirflowNotFoundException

from atdb_interface.client import Client
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import OBSERVE, START_LEAD, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import quote, write
from atdb_plugins.completing_timeout import ending, is_worth_asking
from atdb_plugins.hooks.telescope import (
    AT_WORK,
    BROKEN_OFF,
    TelescopeError,
    TelescopeHook,
    TelescopeTask,
    start_interrupted,
)
from operators.history import was_started
from operators.reconcile.lost_work import LostWork, StatusRepair

log = logging.getLogger(__name__)

#: observe's own run comes first; only what it has missed by this much is done here.
AFTER_OBSERVE = timedelta(minutes=1)
#: A parset may be on its way for as long as its sender waits for the answer, which is less than this.
ON_ITS_WAY = timedelta(minutes=1)
#: How long a telescope that cannot be reached is waited for, once the lease on a start has run out.
UNREACHABLE = timedelta(minutes=1)
#: A telescope that is late with an observation may have it for so long after its end.
LATEST_END = timedelta(days=1)


def ask(telescope: TelescopeHook, atdb_task_id: str) -> TelescopeTask | None:
    """Ask what the telescope knows of a task. TelescopeError where nobody can tell."""
    try:
        return telescope.task(atdb_task_id)
    except AirflowNotFoundException as missing:
        raise TelescopeError(
            ReasonCode.TELESCOPE_UNREACHABLE, f"Airflow has no connection to the telescope: {quote(missing)}."
        ) from missing


def after_lost_start(
    telescope: TelescopeHook, lost: LostWork, start: Observation, now: datetime
) -> StatusRepair | None:
    """Decide by the telescope's word about an observation that is starting; None while it is to wait."""
    try:
        end = _verdict(ask(telescope, start.taskID), start, now)
    except TelescopeError as error:
        end = (Status.ERROR_START_OBS, error) if now >= lost.lease.expires_at + UNREACHABLE else None
    if end is None:
        return None
    status, finding = end
    reason = f"{lost.reason} {finding}"
    if isinstance(finding, TelescopeError):
        reason = write(finding.code, reason)
    return StatusRepair(start.taskID, Status.STARTING, status, reason, owner=lost.lease.owner)


def _verdict(
    telescope_task: TelescopeTask | None, start: Observation, now: datetime
) -> tuple[Status, TelescopeError | str] | None:
    if telescope_task is None:
        return (Status.ERROR_START_OBS, start_interrupted()) if now >= start.status_since + ON_ITS_WAY else None
    if telescope_task.state in BROKEN_OFF:
        return Status.ERROR_START_OBS, telescope_task.failure()
    return (Status.RUNNING, f"The telescope has it as {telescope_task}.") if now >= start.starttime else None


def lost_starts(
    client: Client, telescope: TelescopeHook, lost: list[LostWork], now: datetime
) -> list[StatusRepair]:
    """Find what becomes of the starts among the lost work."""
    starts = [each for each in lost if each.lease.my_status is OBSERVE.working]
    repairs = [after_lost_start(telescope, each, client.observation(each.lease.taskID), now) for each in starts]
    return [repair for repair in repairs if repair]


def unwatched_ends(telescope: TelescopeHook, running: list[Observation], now: datetime) -> list[StatusRepair]:
    """Find what becomes of running observations that are past their end and which observe has left there."""
    then = now - AFTER_OBSERVE
    repairs = []
    for observation in running:
        if not is_worth_asking(observation, then):
            continue
        try:
            telescope_task = ask(telescope, observation.taskID)
        except TelescopeError as error:
            log.warning("%s: %s", observation.taskID, error)
            telescope_task = None
        if end := ending(observation, telescope_task, then):
            status, reason = end
            repairs.append(StatusRepair(observation.taskID, Status.RUNNING, status, reason))
    return repairs


def cancelled(client: Client, now: datetime) -> list[Observation]:
    """List the aborted observations that the telescope may still have."""
    aborted = client.observations(
        my_status=Status.ABORTED,
        starttime__lt=write_time(now + START_LEAD),
        endtime__gt=write_time(now - LATEST_END),
    )
    return [each for each in aborted if was_started(each)]


def still_observed(telescope: TelescopeHook, aborted: list[Observation]) -> list[str]:
    """Find the aborted observations that the telescope goes on with; none where it cannot be asked."""
    observed = []
    for observation in aborted:
        try:
            telescope_task = ask(telescope, observation.taskID)
        except TelescopeError as error:
            log.warning(
                "%s is aborted, and nobody knows whether the telescope goes on: %s", observation.taskID, error
            )
            break
        if telescope_task and telescope_task.state in AT_WORK:
            observed.append(observation.taskID)
    return observed
