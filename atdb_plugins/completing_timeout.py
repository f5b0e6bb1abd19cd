"""What becomes of an observation past its end of which the data writer says nothing.

The telescope's own word counts for more than the clock: what it has broken off needs no further wait, and what
it still observes may yet be completing, until the lifecycle's last limit.
"""

from datetime import datetime, timedelta

from atdb_interface import lifecycle, reasons
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.hooks.telescope import AT_WORK, BROKEN_OFF, TelescopeTask

_SILENT = "The observation has ended, but the data writer has not reported"


def ending(
    observation: Observation, telescope_task: TelescopeTask | None, now: datetime
) -> tuple[Status, str] | None:
    """Tell where a running observation goes and why; None while it may go on.

    `telescope_task`: what the telescope says of it, or None where it does not know it or cannot be asked.
    """
    if not is_worth_asking(observation, now):
        return None
    if telescope_task and telescope_task.state in BROKEN_OFF:
        return Status.ERROR_NO_COMPLETING, reasons.reason_of(telescope_task.failure())
    if telescope_task and telescope_task.state in AT_WORK:
        if _waited(observation, now) <= lifecycle.COMPLETING_TIMEOUT:
            return None
        return Status.ERROR_NO_COMPLETING, _silent(f". The telescope still has it as {telescope_task}")
    status = observation.status_after_timeout(now)
    if status is Status.ERROR_NO_COMPLETING:
        return status, _silent()
    return (status, f"{_SILENT}, so ATDB continues without its report.") if status else None


def _silent(more: str = "") -> str:
    return reasons.write(ReasonCode.DATA_WRITER_SILENT, f"{_SILENT}{more}. Check the data writer, then retry.")


def is_worth_asking(observation: Observation, now: datetime) -> bool:
    """Tell whether the telescope's word could end a running observation, whatever its mode, by now."""
    return observation.my_status is Status.RUNNING and _waited(observation, now) > lifecycle.ASK_AFTER


def _waited(observation: Observation, now: datetime) -> timedelta:
    return now - max(observation.endtime, observation.status_since)
