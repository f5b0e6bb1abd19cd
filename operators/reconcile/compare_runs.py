"""Compare ATDB with Airflow's runs and with the telescope, and make the repairs that no other program makes."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from atdb_interface.claims import OpenClaim
from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook
from operators.base import AtdbOperator
from operators.reconcile.events import event, raise_events
from operators.reconcile.lost_work import (
    LostWork,
    StageRuns,
    StatusRepair,
    claims_without_run,
    has_expired,
    lost_work,
)
from operators.reconcile.safety_limit import SafetyLimit
from operators.reconcile.telescope_repairs import (
    AFTER_OBSERVE,
    cancelled,
    lost_starts,
    still_observed,
    unwatched_ends,
)


class CompareRunsOperator(AtdbOperator):
    """Check the work in progress once: expired leases, observations past their end, and cancelled ones."""

    def __init__(
        self,
        *,
        airflow_conn_id: str = AirflowHook.default_conn_name,
        telescope_conn_id: str = TelescopeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.airflow_conn_id = airflow_conn_id
        self.telescope_conn_id = telescope_conn_id

    def execute(self, context: Any) -> None:
        """Gather all findings, compare them with the safety limit, and act."""
        with self.client() as client:
            self.compare(client, SafetyLimit.of(context), datetime.now(UTC))

    def compare(self, client: Client, limit: SafetyLimit, now: datetime) -> None:
        """Compare as of a moment."""
        telescope = TelescopeHook(self.telescope_conn_id)
        account, leases = client.me().account, list(client.leases())
        past_end = write_time(now - AFTER_OBSERVE)
        running = list(client.observations(my_status=Status.RUNNING, endtime__lt=past_end))
        aborted = cancelled(client, now)
        try:
            runs = StageRuns(AirflowHook(self.airflow_conn_id))
            lost = lost_work(leases, runs, now, account=account)
            unstarted = claims_without_run(client, runs, now)
        except AirflowApiError as error:
            self.log.warning("The runs are not compared in this pass: %s", error)
            lost, unstarted = lost_work(leases, None, now, account=account), []
        given_up = [repair for each in lost if (repair := each.give_up())]
        repairs = [*given_up, *lost_starts(client, telescope, lost, now), *unwatched_ends(telescope, running, now)]
        observed = still_observed(telescope, aborted)
        findings = [str(repair) for repair in repairs]
        findings += [f"{atdb_task_id} is aborted, but still observed" for atdb_task_id in observed]
        limit.judge(client, self.task_id, findings, len(leases) + len(running) + len(aborted))
        events = [done for repair in repairs if (done := self._repair(client, repair))]
        events += [done for atdb_task_id in observed if (done := self._stop(telescope, atdb_task_id))]
        raise_events(client, events)
        self._release(client, lost, unstarted, now)

    def _repair(self, client: Client, repair: StatusRepair) -> NewEvent | None:
        try:
            step = client.move(
                repair.atdb_task_id,
                repair.target,
                expect=[repair.expected],
                owner=repair.owner,
                reason=repair.reason,
            )
        except Conflict as refusal:
            self.log.info("%s", refusal)
            return None
        self.log.warning("%s", repair)
        return event(EventKind.REPAIR, f"repair/{step.id}", str(repair), atdb_task_id=repair.atdb_task_id)

    def _stop(self, telescope: TelescopeHook, atdb_task_id: str) -> NewEvent | None:
        try:
            telescope.stop(atdb_task_id)
        except TelescopeError as error:
            self.log.warning(
                "Cannot stop the telescope, which observes the aborted %s: %s",
                atdb_task_id,
                error,
            )
            return None
        self.log.warning("%s is aborted, but the telescope still observed it; stopped it", atdb_task_id)
        detail = f"{atdb_task_id} is aborted, but the telescope still observed it. reconcile has stopped it."
        return event(EventKind.REPAIR, f"stopped/{atdb_task_id}", detail, atdb_task_id=atdb_task_id)

    def _release(self, client: Client, lost: list[LostWork], unstarted: list[OpenClaim], now: datetime) -> None:
        """Release work that its owner will not continue, and claims without a run."""
        for each in lost:
            lease = each.lease
            if not each.stage.resumable or has_expired(lease, now):
                continue
            try:
                client.renew(lease.taskID, lease.owner, lease_seconds=1)
                self.log.warning("%s is available to another run: %s", lease.taskID, each.reason)
            except Conflict as refusal:
                self.log.info("%s", refusal)
        for claim_id, claims in groupby(unstarted, key=lambda each: each.claim):
            task_ids = [each.taskID for each in claims]
            released = client.release(task_ids, claim=claim_id)
            self.log.warning(
                "No run works on these observations, so %d of %d are available to claim again: %s",
                released,
                len(task_ids),
                task_ids,
            )
