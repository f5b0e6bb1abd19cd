"""Why a run does its work again: a person cleared it in Airflow, and ATDB's history says who."""

import logging

from atdb_interface.models import Observation, Transition
from atdb_plugins.audit import CLEARS, requests_of
from atdb_plugins.hooks.airflow import AirflowApiError, AirflowHook

log = logging.getLogger(__name__)

#: With this begins the reason of a move that a clear in Airflow has caused. Stored history is compared with it.
RUN_AGAIN = "run again in Airflow"


def reason(owner: str, observation: Observation, airflow_conn_id: str = AirflowHook.default_conn_name) -> str:
    """Return the reason of a move that a clear of this owner's run has caused.

    It names who has asked for a clear since the observation got its status: several users, if several did.

    The work does not wait for that: if Airflow does not answer, the reason says that the user is unknown.
    """
    dag_id, _, run_id = owner.partition("/")
    try:
        # A request for several runs is in the log without the run's id.
        entries = AirflowHook(airflow_conn_id).audit_log(CLEARS, after=observation.status_since)
        requests = [request for entry in entries for request in requests_of(entry)]
    except AirflowApiError as error:
        log.warning("Airflow did not say who cleared %s: %s", owner, error)
        return f"{RUN_AGAIN} (user unknown: Airflow's API did not answer)"
    users = [each.user for each in requests if each.includes(dag_id, run_id, observation.taskID)]
    return f"{RUN_AGAIN} by {' or '.join(dict.fromkeys(users))}" if users else f"{RUN_AGAIN} (user unknown)"


def is_run_again(step: Transition) -> bool:
    """Return whether a clear in Airflow has caused this move."""
    return step.reason.startswith(RUN_AGAIN)
