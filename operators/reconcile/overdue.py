"""Raise an event, once, for every observation that has its status longer than expected."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import BaseModel

from atdb_interface.events import EventKind, NewEvent
from atdb_interface.expected_durations import due
from atdb_interface.fields import Time, write_time
from atdb_interface.lifecycle import STAGES, Status
from operators.base import AtdbOperator
from operators.reconcile.events import event, raise_events

#: Each partition is an observation that has become overdue; a site's own DAG can wait for it.
OVERDUE = Asset(name="atdb overdue", uri="atdb://events/overdue")
_SOURCES = {stage.actor: stage.source for stage in STAGES}


class _Waiting(BaseModel):
    """The fields of an overdue observation that its event needs."""

    taskID: str  # noqa: N815 the wire's name
    my_status: Status
    status_since: Time
    starttime: Time
    endtime: Time

    def event(self, delays: Mapping[Status, timedelta]) -> NewEvent:
        """Create the event; its key is the same as long as the observation keeps this status."""
        since = write_time(self.status_since)
        text = f"{self.taskID} has had status {self.my_status} since {since}"
        delay = delays.get(self.my_status, timedelta(0))
        limit = due(self.my_status, since=self.status_since, start=self.starttime, end=self.endtime, delay=delay)
        if limit is not None and limit < datetime.now(UTC):
            text += f", and has been overdue since {write_time(limit)}"
        key = f"overdue/{self.taskID}/{self.my_status}/{since}"
        return event(EventKind.OVERDUE, key, text, atdb_task_id=self.taskID)


class ReportOverdueOperator(AtdbOperator):
    """Raise an event for each overdue observation, and emit one partition of the asset for each new one.

    If none is new, the task skips, because Airflow treats the success of a task as a change of its outlets.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[OVERDUE], **kwargs)

    def execute(self, context: Any) -> None:
        """Report once."""
        with self.client() as client:
            rows = client.rows("observations", fields=list(_Waiting.model_fields), overdue="true")
            delays = {_SOURCES[stage.stage]: timedelta(seconds=stage.delay_seconds) for stage in client.stages()}
            new = raise_events(client, [_Waiting(**row).event(delays) for row in rows])
        if not new:
            raise AirflowSkipException("No observation has become overdue.")
        for overdue in new:
            self.log.warning("%s", overdue.detail)
        context["outlet_events"][OVERDUE].add_partitions([overdue.taskID for overdue in new])
