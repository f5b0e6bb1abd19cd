"""Record in ATDB which clears, marks and deletions of runs users have requested in Airflow."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from atdb_interface.events import EventKind, NewEvent
from atdb_interface.fields import write_time
from atdb_interface.instruments import instrument
from atdb_interface.owners import STAGE_DAGS
from atdb_plugins.audit_log import ANY_DAG, RunRequest, requests_of
from atdb_plugins.hooks.airflow import AirflowHook
from operators.base import AtdbOperator
from operators.reconcile.events import event, raise_events

#: The time of a log entry is earlier than the moment at which the entry can be read.
_OVERLAP = timedelta(minutes=1)
#: How far one pass looks back at most: otherwise each failed pass would add to what the next one reads.
LOOKS_BACK = timedelta(days=1)


class RecordRunRequestsOperator(AtdbOperator):
    """Raise an event, once, for each request of a user that changes runs of the stages.

    It reads Airflow's audit log since the last successful run of this DAG, but only of the last 24 hours. If
    Airflow's API does not respond, it fails, and the next run reads the same again.
    """

    def __init__(self, *, airflow_conn_id: str = AirflowHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.airflow_conn_id = airflow_conn_id

    def execute(self, context: Any) -> None:
        """Record what is new since the last pass."""
        last, earliest = context["prev_start_date_success"], datetime.now(UTC) - LOOKS_BACK
        if last and last < earliest:
            self.log.warning(
                "No pass has succeeded since %s. Requests of users before %s are not recorded in ATDB. Find "
                "them in Airflow's audit log.",
                *(write_time(last), write_time(earliest)),
            )
        self.record(max(last - _OVERLAP, earliest) if last else earliest)

    def record(self, since: datetime) -> None:
        """Record the requests since a moment."""
        airflow = AirflowHook(self.airflow_conn_id)
        new = list(_events(airflow, since))
        with self.client() as client:
            for recorded in raise_events(client, new):
                self.log.info("%s", recorded.detail)


def _events(airflow: AirflowHook, since: datetime) -> Iterator[NewEvent]:
    for entry in airflow.audit_log(after=since):
        for request in requests_of(entry):
            if request.dag_id in STAGE_DAGS or request.dag_id == ANY_DAG:
                yield _event(airflow, request)


def _event(airflow: AirflowHook, request: RunRequest) -> NewEvent:
    run = f"run {request.dag_id}/{request.run_id}" if request.run_id else f"runs of {request.dag_id}"
    text = f"{request.user} asked Airflow at {write_time(request.at)} to {request.operation} {run}"
    return event(EventKind.RUN, f"run/{request.key}", text, atdb_task_id=_atdb_task_id(airflow, request))


def _atdb_task_id(airflow: AirflowHook, request: RunRequest) -> str | None:
    """Return the taskID of a request.

    The run's id has it, unless an older version or a user has created the run.
    """
    pattern = instrument().task_ids.pattern
    if request.run_id and (named := re.fullmatch(f"({pattern})-.+", request.run_id, re.ASCII)):
        return named[1]
    key = request.partition_key
    if request.run_id and request.dag_id != ANY_DAG:
        key = airflow.partition_key(request.dag_id, request.run_id)
    return key if key and re.fullmatch(pattern, key, re.ASCII) else None
