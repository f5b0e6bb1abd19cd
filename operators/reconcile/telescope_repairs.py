"""ATDB and the telescope: starts whose lease has expired, observations past their end, and cancelled ones.

This module queries and stops the telescope, and never starts it.
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
from atdb_plugins.cancellation import was_started
from atdb_plugins.completing_timeout import ending, is_worth_asking
from atdb_plugins.hooks.telescope import (
    AT_WORK,
    BROKEN_OFF,
    TelescopeError,
    TelescopeHook,
    TelescopeTask,
    start_interrupted,
)
from operators.reconcile.lost_work import LostWork, StatusRepair

log = logging.getLogger(__name__)

#: The run of observe comes first; reconcile does only what the run has not done within this time.
AFTER_OBSERVE = timedelta(minutes=1)
#: A parset can still arrive while its sender waits for the answer, which takes less than this.
ON_ITS_WAY = timedelta(minutes=1)
#: How long reconcile waits for a telescope that does not respond, after the lease on a start has expired.
UNREACHABLE = timedelta(minutes=1)
#: The telescope may still have an observation this long after its end.
LATEST_END = timedelta(days=1)


def ask(telescope: TelescopeHook, atdb_task_id: str) -> TelescopeTask | None:
    """Return what the telescope knows of a task. Raises TelescopeError if that is unknown."""
    try:
        return telescope.task(atdb_task_id)
    except AirflowNotFoundException as missing:
        raise TelescopeError(
            ReasonCode.TELESCOPE_UNREACHABLE,
            f"Airflow has no connection to the telescope: {quote(missing)}. "
            f"Add the connection {telescope.http_conn_id}.",
        ) from missing


def after_lost_start(
    telescope: TelescopeHook, lost: LostWork, start: Observation, now: datetime
) -> StatusRepair | None:
    """Return the repair of a start that was lost, from the telescope's report; None to wait."""
    try:
        end = _verdict(ask(telescope, start.taskID), start, now)
    except TelescopeError as error:
        end = (Status.ERROR_START_OBS, error) if now >= lost.lease.expires_at + UNREACHABLE else None
    if end is None:
        return None
    status, finding = end
    code = finding.code if isinstance(finding, TelescopeError) else ReasonCode.TELESCOPE_HAS_IT
    reason = write(code, f"{lost.reason} {finding}")
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
    """Return the repairs of the starts among the lost work."""
    starts = [each for each in lost if each.lease.my_status is OBSERVE.working]
    repairs = [after_lost_start(telescope, each, client.observation(each.lease.taskID), now) for each in starts]
    return [repair for repair in repairs if repair]


def unwatched_ends(telescope: TelescopeHook, running: list[Observation], now: datetime) -> list[StatusRepair]:
    """Return the repairs of running observations past their end that observe has not ended."""
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
    """Return the aborted observations that the telescope may still have."""
    aborted = client.observations(
        my_status=Status.ABORTED,
        starttime__lt=write_time(now + START_LEAD),
        endtime__gt=write_time(now - LATEST_END),
    )
    return [each for each in aborted if was_started(each)]


def still_observed(telescope: TelescopeHook, aborted: list[Observation]) -> list[str]:
    """Return the aborted observations that the telescope still observes; none if it does not respond."""
    observed = []
    for observation in aborted:
        try:
            telescope_task = ask(telescope, observation.taskID)
        except TelescopeError as error:
            log.warning(
                "It is unknown whether the telescope observes the aborted %s: %s",
                observation.taskID,
                error,
            )
            break
        if telescope_task and telescope_task.state in AT_WORK:
            observed.append(observation.taskID)
    return observed
