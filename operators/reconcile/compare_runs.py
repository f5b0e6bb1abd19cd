"""Compare ATDB with Airflow's runs and with the telescope, and put right what nobody else will."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status
from atdb_interface.overview import EventKind, NewEvent
from atdb_interface.work import OpenClaim
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook
from operators.base import AtdbOperator
from operators.reconcile.events import StatusRepair, event, raise_events
from operators.reconcile.lost_work import LostWork, StageRuns, claims_without_run, has_expired, lost_work
from operators.reconcile.safety_limit import SafetyLimit
from operators.reconcile.telescope_repairs import AFTER_OBSERVE, cancelled, lost_starts, still_observed, unwatched


class CompareRunsOperator(AtdbOperator):
    """Look once at the work that is under way: whose owner is lost, what nobody watches, what was not heard of."""

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
        """Gather all findings, let the brake judge, and act."""
        with self.client() as client:
            self.compare(client, SafetyLimit.of(context), datetime.now(UTC))

    def compare(self, client: Client, brake: SafetyLimit, now: datetime) -> None:
        """Do it as of a moment."""
        telescope = TelescopeHook(self.telescope_conn_id)
        leases = list(client.leases())
        past_end = write_time(now - AFTER_OBSERVE)
        running = list(client.observations(my_status=Status.RUNNING, endtime__lt=past_end))
        aborted = cancelled(client, now)
        try:
            runs = StageRuns(AirflowHook(self.airflow_conn_id))
            lost, unheard = lost_work(leases, runs, now), claims_without_run(client, runs, now)
        except AirflowApiError as error:
            self.log.warning("the runs are not compared: %s", error)
            lost, unheard = lost_work(leases, None, now), []
        given_up = [repair for each in lost if (repair := each.gives_up())]
        repairs = [*given_up, *lost_starts(client, telescope, lost, now), *unwatched(telescope, running, now)]
        observed = still_observed(telescope, aborted)
        findings = [str(repair) for repair in repairs]
        findings += [f"{task_id} is aborted, but still observed" for task_id in observed]
        brake.judge(client, self.task_id, findings, len(leases) + len(running) + len(aborted))
        done = [told for repair in repairs if (told := self._repair(client, repair))]
        done += [told for task_id in observed if (told := self._stop(telescope, task_id))]
        raise_events(client, done)
        self._give_back(client, lost, unheard, now)

    def _repair(self, client: Client, repair: StatusRepair) -> NewEvent | None:
        try:
            step = client.move(
                repair.task_id,
                repair.target,
                expect=[repair.expected],
                owner=repair.owner,
                reason=repair.reason,
            )
        except Conflict as gone_on:
            self.log.info("%s", gone_on)
            return None
        self.log.warning("%s", repair)
        return event(EventKind.REPAIR, f"repair/{step.id}", str(repair), task_id=repair.task_id)

    def _stop(self, telescope: TelescopeHook, task_id: str) -> NewEvent | None:
        try:
            telescope.stop(task_id)
        except TelescopeError as error:
            self.log.warning("%s is aborted, but still observed: %s", task_id, error)
            return None
        self.log.warning("%s was aborted, but still observed; it is stopped", task_id)
        words = f"{task_id} was aborted, but the telescope still observed it; it was stopped"
        return event(EventKind.REPAIR, f"stopped/{task_id}", words, task_id=task_id)

    def _give_back(self, client: Client, lost: list[LostWork], unheard: list[OpenClaim], now: datetime) -> None:
        """Let others have at once what its owner, or Airflow, will not work on."""
        for each in lost:
            lease = each.lease
            if not each.stage.resumable or has_expired(lease, now):
                continue
            try:
                client.renew(lease.taskID, lease.owner, lease_seconds=1)
                self.log.warning("%s is given to another run: %s", lease.taskID, each.reason)
            except Conflict as gone_on:
                self.log.info("%s", gone_on)
        for claim_id, claims in groupby(unheard, key=lambda each: each.claim):
            task_ids = [each.taskID for each in claims]
            released = client.release(task_ids, claim=claim_id)
            self.log.warning(
                "%d of %d are available to claim again, as no run works on them: %s",
                released,
                len(task_ids),
                task_ids,
            )
