"""reconcile: put right what nobody else will."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import MAX_LOST_OWNERS, WORKING, Status
from atdb_interface.work import HeldLease
from atdb_plugins.hooks.atdb import AtdbHook

#: observe's own run comes first; only what it has missed by this much is done here.
AFTER_OBSERVE = timedelta(minutes=1)


class ReconcileOperator(BaseOperator):
    """Put lost work that may not be resumed on its error status, and end observations that nobody watches."""

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def execute(self, context: Any) -> None:  # noqa: ARG002
        """Look once."""
        now = datetime.now(UTC)
        with AtdbHook(self.atdb_conn_id).client() as client:
            for lease in list(client.leases(expires_at__lt=write_time(now))):
                self._give_up(client, lease)
            self._end_unwatched(client, now - AFTER_OBSERVE)

    def _give_up(self, client: Client, lease: HeldLease) -> None:
        stage = WORKING[lease.my_status]
        if stage.error is None or (stage.resumable and lease.lost_owners < MAX_LOST_OWNERS):
            return
        reason = f"its owner {lease.owner} is lost"
        if stage.resumable:
            reason += f", the last of {lease.lost_owners + 1}"
        self._move(client, lease.taskID, lease.my_status, stage.error, reason, owner=lease.owner)

    def _end_unwatched(self, client: Client, now: datetime) -> None:
        running = client.observations(my_status=Status.RUNNING, endtime__lt=write_time(now))
        for observation in list(running):
            if status := observation.backstop(now):
                reason = "past the end, and no word from the data writer"
                self._move(client, observation.taskID, Status.RUNNING, status, reason)

    def _move(
        self,
        client: Client,
        task_id: str,
        expected: Status,
        status: Status,
        reason: str,
        *,
        owner: str | None = None,
    ) -> None:
        try:
            client.move(task_id, status, expect=[expected], owner=owner, reason=reason)
            self.log.warning("%s from %s to %s: %s", task_id, expected, status, reason)
        except Conflict as gone_on:
            self.log.info("%s", gone_on)
