"""Why a run does its work again: a user cleared it in Airflow, and ATDB's history names the user."""

import logging
from datetime import timedelta

from atdb_interface import reasons
from atdb_interface.observations import Observation
from atdb_interface.owners import read_owner
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.transitions import Transition
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.audit_log import requests_of
from atdb_plugins.hooks.airflow import AirflowHook

log = logging.getLogger(__name__)

#: The maximum duration of a request.
_WITHIN = timedelta(seconds=30)


def reason(owner: str, observation: Observation, airflow_conn_id: str = AirflowHook.default_conn_name) -> str:
    """Return the reason of a move that a clear of this owner's run has caused, with the user who cleared it.

    It raises no error, because the work does not depend on the user.
    """
    try:
        user = _user(owner, observation, airflow_conn_id)
    except AirflowApiError as error:
        log.warning("The user who cleared %s is unknown, because Airflow's API did not respond: %s", owner, error)
        return _cleared("an unknown user, because Airflow's API did not respond")
    except Exception:  # a clear counts for one attempt only, so any error here would lose it
        log.warning("The user who cleared %s is unknown", owner, exc_info=True)
        user = None
    return _cleared(user or "an unknown user")


def _cleared(user: str) -> str:
    return reasons.write(ReasonCode.RUN_CLEARED, f"The run was cleared in Airflow by {user}.")


def _user(owner: str, observation: Observation, airflow_conn_id: str) -> str | None:
    dag_id, run_id = read_owner(owner)
    airflow = AirflowHook(airflow_conn_id)
    cleared_at = airflow.queued_at(dag_id, run_id)
    if cleared_at is None or cleared_at < observation.status_since:
        return None
    # Airflow logs a request just before it carries it out.
    entries = airflow.audit_log(after=cleared_at - _WITHIN, before=cleared_at)
    requests = [request for entry in entries for request in requests_of(entry) if request.is_clear]
    users = [each.user for each in requests if each.includes(dag_id, run_id, observation.taskID)]
    return users[-1] if users else None


def is_run_again(step: Transition) -> bool:
    """Return whether a clear in Airflow has caused this move."""
    return reasons.has_code(step.reason, ReasonCode.RUN_CLEARED)


def has_new_clear(owner: str, clears: int, observation: Observation) -> bool:
    """Return whether this owner's run has been cleared more often than its work was done again.

    Airflow counts the clears of a run, and the history shows which of them had an effect. So an attempt that died
    while it recorded the error does not count as a clear.
    """
    used = sum(step.owner == owner and is_run_again(step) for step in observation.status_history)
    return used < clears
