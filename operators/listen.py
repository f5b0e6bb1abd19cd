"""listen: hear from ATDB which observations wait, and start a stage run for each."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, BaseOperator
from airflow.triggers.base import StartTriggerArgs

from atdb_interface.lifecycle import STAGES, Status
from atdb_interface.work import ClaimRequest
from atdb_plugins.hooks.atdb import AtdbHook

#: Outlasts the queue before a stage's task: a claim that is void too early starts a second run.
CLAIM_SECONDS = 900


def status_asset(status: Status) -> Asset:
    """Name the asset of which each partition is an observation that waits in this status."""
    return Asset(name=f"atdb {status}", uri=f"atdb://status/{status}")


class ListenSensor(BaseOperator):
    """Wait in the triggerer until something waits in ATDB, then claim it and emit one partition a taskID.

    The claim's id is the run's, so a try that was killed between the claim and the partitions is made good by
    the next one. Should both be lost, the claim runs out and the observations wait again.
    """

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        self.assets_by_status = _assets_by_status()
        super().__init__(outlets=[status_asset(stage.source) for stage in STAGES], **kwargs)
        self.atdb_conn_id = atdb_conn_id
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="atdb_plugins.triggers.atdb.WaitingTrigger",
            trigger_kwargs={
                "atdb_conn_id": atdb_conn_id,
                "statuses": [str(s) for s in self.assets_by_status],
            },
            next_method="execute_complete",
        )

    def execute(self, context: Any) -> None:
        """Claim at once: only where the task is run without a triggerer."""
        self.execute_complete(context)

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        """Claim what waits, and emit it."""
        request = ClaimRequest(
            id=f"listen/{context['dag_run'].run_id}",
            consumer="airflow",
            statuses=list(self.assets_by_status),
            lease_seconds=CLAIM_SECONDS,
        )
        with AtdbHook(self.atdb_conn_id).client() as client:
            claim = client.claim(request)
        for task in claim.tasks:
            self.log.info("%s is %s", task.taskID, task.my_status)
            context["outlet_events"][self.assets_by_status[task.my_status]].add_partitions(task.taskID)


def _assets_by_status() -> Mapping[Status, Asset]:
    """Map each status that may wait to its stage's asset: the source, and work that has lost its owner."""
    assets = {}
    for stage in STAGES:
        assets[stage.source] = status_asset(stage.source)
        if stage.working and stage.resumable:
            assets[stage.working] = status_asset(stage.source)
    return assets
