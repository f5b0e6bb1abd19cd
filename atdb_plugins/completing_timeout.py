"""The timeout fallback: how an observation ends if the data writer has not reported.

The state at the telescope comes before the clock. An observation that the telescope has failed or stopped ends at
once. One that it still observes can complete until the last limit of the lifecycle.
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
    """Return the next status of a running observation and the reason; None if it can continue.

    `telescope_task`: None if the telescope does not know the observation or does not respond.
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
    continued = f"{_SILENT}, so ATDB continues without its report."
    return (status, reasons.write(ReasonCode.CONTINUED_WITHOUT_REPORT, continued)) if status else None


def _silent(more: str = "") -> str:
    return reasons.write(ReasonCode.DATA_WRITER_SILENT, f"{_SILENT}{more}. Check the data writer, then retry.")


def is_worth_asking(observation: Observation, now: datetime) -> bool:
    """Return whether the state of the telescope could end a running observation now, whatever its mode."""
    return observation.my_status is Status.RUNNING and _waited(observation, now) > lifecycle.ASK_AFTER


def _waited(observation: Observation, now: datetime) -> timedelta:
    return now - max(observation.endtime, observation.status_since)
