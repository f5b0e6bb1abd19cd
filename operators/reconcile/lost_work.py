"""ATDB and Airflow: work whose run has ended, and claims without a run."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_interface import reasons
from atdb_interface.claims import OpenClaim
from atdb_interface.client import Client
from atdb_interface.leases import HeldLease
from atdb_interface.lifecycle import MAX_LOST_OWNERS, WORKING, Stage, Status
from atdb_interface.owners import STAGE_DAGS, read_owner
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.times import CLAIM_RUN_WITHIN
from atdb_plugins.airflow_api import ACTIVE, DagRun
from atdb_plugins.dispatch import CONSUMER
from atdb_plugins.hooks.airflow import AirflowHook
from atdb_plugins.stage_dags import DAG_OF

#: The wire has the end of a lease in whole seconds.
_SECOND = timedelta(seconds=1)

#: Other owners can begin with the name of a DAG too; Airflow does not know them, but they may still be working.
_RUN_ID = re.compile(r"[\w~:+-][\w.~:+-]*", re.ASCII)


class StageRuns:
    """Airflow's runs of the stages, read once for each DAG when they are first needed.

    Read the owners from ATDB first. Then these runs include all that have begun since.
    """

    def __init__(self, airflow: AirflowHook) -> None:
        self._airflow = airflow
        self._active: dict[str, list[DagRun]] = {}

    def active(self, dag_id: str) -> list[DagRun]:
        """Return the runs of a DAG that have not ended."""
        if dag_id not in self._active:
            self._active[dag_id] = self._airflow.active_runs(dag_id)
        return self._active[dag_id]

    def is_paused(self, dag_id: str) -> bool:
        """Return whether a DAG starts no runs now."""
        return self._airflow.is_paused(dag_id)

    def end_of(self, owner: str) -> str | None:
        """Return how the run of this owner ended; None if it has not ended, or if the owner is no run."""
        dag_id, run_id = read_owner(owner)
        if dag_id not in STAGE_DAGS or not _RUN_ID.fullmatch(run_id):
            return None
        if any(run.run_id == run_id for run in self.active(dag_id)):
            return None
        state = self._airflow.state(dag_id, run_id)
        if state is None:
            return "Airflow does not know the run"
        return None if state in ACTIVE else f"the run has ended in Airflow with state {state}"


@dataclass(frozen=True)
class StatusRepair:
    """A change of status that no other program makes."""

    atdb_task_id: str
    expected: Status
    target: Status
    reason: str
    owner: str | None = None

    def __str__(self) -> str:
        return f"{self.atdb_task_id} from {self.expected} to {self.target}: {self.reason}"


@dataclass(frozen=True)
class LostWork:
    """Work that its owner will not continue, and the reason as a sentence."""

    lease: HeldLease
    reason: str

    @property
    def stage(self) -> Stage:
        """Return the stage of the work."""
        return WORKING[self.lease.my_status]

    def give_up(self) -> StatusRepair | None:
        """Return the move to the error status, if too many owners have lost resumable work; otherwise None."""
        lease, stage = self.lease, self.stage
        if not stage.resumable or stage.error is None or lease.lost_owners < MAX_LOST_OWNERS:
            return None
        number = lease.lost_owners + 1
        reason = reasons.write(
            ReasonCode.LEASE_EXPIRED,
            f"{self.reason} This work has been lost {number} times, so no other run takes it. "
            "Fix the cause, then retry.",
        )
        return StatusRepair(lease.taskID, lease.my_status, stage.error, reason, owner=lease.owner)


def has_expired(lease: HeldLease, now: datetime) -> bool:
    """Return whether a lease has certainly expired."""
    return lease.expires_at + _SECOND <= now


def lost_work(
    leases: Iterable[HeldLease], runs: StageRuns | None, now: datetime, *, account: str
) -> list[LostWork]:
    """Return the work whose lease has expired or, if Airflow responded, whose run has ended.

    `account`: the account of Airflow's runs. An owner of another account is not a run, also if it has the name of
    one.
    """
    lost = []
    for lease in leases:
        if has_expired(lease, now):
            lost.append(LostWork(lease, f"The lease of {lease.owner} has expired."))
        elif runs and lease.account == account and (end := runs.end_of(lease.owner)):
            lost.append(LostWork(lease, f"{lease.owner} no longer works on this observation: {end}."))
    return lost


def claims_without_run(client: Client, runs: StageRuns, now: datetime) -> list[OpenClaim]:
    """Return the claims of the DAG listen, not the most recent ones, for which no run is queued or running.

    Claims for a paused DAG are left out: listen releases them itself.
    """
    waiting: dict[str, list[OpenClaim]] = defaultdict(list)
    for claim in client.open_claims(CONSUMER):
        if claim.my_status in DAG_OF and claim.claimed_at <= now - CLAIM_RUN_WITHIN:
            waiting[DAG_OF[claim.my_status]].append(claim)
    without_run: list[OpenClaim] = []
    for dag_id, claims in waiting.items():
        active = {run.partition_key for run in runs.active(dag_id)}
        missing = [claim for claim in claims if claim.taskID not in active]
        if missing and not runs.is_paused(dag_id):
            without_run += missing
    return without_run
