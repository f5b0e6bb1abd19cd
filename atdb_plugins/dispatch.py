"""From claims in ATDB to runs in Airflow: one run for each observation that a stage waits for.

A claim is committed in ATDB before its runs are created, and its observations stay open claims there until work
on them has begun. So the next start of the listener, after any interruption, creates the missing runs. A run's id
is made of the taskID, the stage and the claim's number: Airflow refuses a second run for the same claim.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import uuid4

from atdb_interface.async_client import AsyncClient
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import OBSERVE, STAGES, Status
from atdb_interface.work import ClaimedTask, ClaimRequest, OpenClaim
from atdb_plugins.airflow_api import ACTIVE, AirflowApiError, AirflowUnavailable
from atdb_plugins.airflow_runs import AirflowRuns, Dag, Run
from atdb_plugins.notes import first_note

log = logging.getLogger(__name__)

#: Under this name ATDB knows the claims.
CONSUMER = "airflow"
#: Outlasts the queue before a stage's task; until then no other consumer gets the observation.
CLAIM_SECONDS = 900
#: The DAG that dispatches, and the tag by which Airflow lists it with the stages' DAGs.
LISTEN_DAG, TAG = "listen", "atdb"
#: The DAG that works on what has each status: the source of a stage, and work that has lost its owner.
DAG_OF: Mapping[Status, str] = MappingProxyType(
    {
        status: str(stage.actor)
        for stage in STAGES
        for status in (stage.source, stage.working if stage.resumable else None)
        if status
    }
)
#: A pause of a DAG in Airflow is obeyed within this time.
LOOK_AT_DAGS_SECONDS = 3.0
#: So many runs are requested at once: more only queue up within Airflow's API.
REQUESTS_AT_ONCE = 4


class Dispatcher:
    """Claim observations in ATDB, and create a run for each in Airflow.

    `troubles`: by status, why its DAG gets no runs now. Nothing more is claimed for that.
    """

    def __init__(self, atdb: AsyncClient, airflow: AirflowRuns) -> None:
        self._atdb, self._airflow = atdb, airflow
        self._unusable: dict[str, str] = dict.fromkeys(DAG_OF.values(), "not looked at yet")
        self._refused: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._is_certain = False

    @property
    def troubles(self) -> dict[Status, str]:
        """Return why the DAG of each status gets no runs now; empty if all do."""
        reasons = self._refused | self._unusable
        return {status: reasons[dag_id] for status, dag_id in DAG_OF.items() if dag_id in reasons}

    async def step(self) -> int:
        """Dispatch what is available now; return how many observations that were.

        Raises AtdbError and AirflowApiError. After either, the next step begins with the open claims.
        """
        try:
            return await self._step()
        except AirflowApiError as error:
            self._is_certain = False
            self._looked_at = float("-inf")
            self._unusable = dict.fromkeys(DAG_OF.values(), str(error))
            raise
        except AtdbError:
            self._is_certain = False
            raise

    async def _step(self) -> int:
        if time.monotonic() - self._looked_at > LOOK_AT_DAGS_SECONDS:
            self._unusable = _unusable(await self._airflow.dags(TAG))
            self._looked_at = time.monotonic()
        if not self._is_certain:
            await self._resume()
        statuses = [status for status in DAG_OF if status not in self.troubles]
        if not statuses or not await self._atdb.count_waiting(statuses):
            return 0
        request = ClaimRequest(
            id=f"listen/{uuid4()}", consumer=CONSUMER, statuses=statuses, lease_seconds=CLAIM_SECONDS
        )
        claim = await self._atdb.claim(request)
        if refused := await self._create_all([(claim.id, task) for task in claim.tasks]):
            self._refused |= refused
            self._is_certain = False
        return len(claim.tasks)

    async def _resume(self) -> None:
        """Create the runs of open claims that have none; a claim for a DAG that cannot be used is released."""
        claims = await self._atdb.open_claims(CONSUMER)
        runs = {(run.dag_id, run.partition_key) for run in await self._airflow.active()} if claims else set()
        missing: list[OpenClaim] = []
        for task in claims:
            dag_id = DAG_OF.get(task.my_status)
            if dag_id is None or (dag_id, task.taskID) in runs:
                continue
            if dag_id in self._unusable:
                await self._atdb.release([task.taskID], claim=task.claim)
            else:
                missing.append(task)
        self._refused = await self._create_all([(task.claim, task) for task in missing])
        self._is_certain = not self._refused

    async def _create_all(self, tasks: Sequence[tuple[str, ClaimedTask]]) -> dict[str, str]:
        """Create the runs of claimed tasks, those of the telescope first; return why DAGs were refused one.

        A DAG that Airflow refuses stands in the way of no other: its claims stay open, and are tried again.
        """
        refused: dict[str, str] = {}

        async def create(claim_id: str, task: ClaimedTask) -> None:
            async with at_once:
                try:
                    await self._create(claim_id, task)
                except AirflowUnavailable:
                    raise
                except AirflowApiError as error:
                    log.warning("No run of %s was created for %s: %s", DAG_OF[task.my_status], task.taskID, error)
                    refused[DAG_OF[task.my_status]] = str(error)

        at_once = asyncio.Semaphore(REQUESTS_AT_ONCE)
        failures: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                for claim_id, task in sorted(tasks, key=lambda each: each[1].my_status is not OBSERVE.source):
                    group.create_task(create(claim_id, task))
        except* (AtdbError, AirflowUnavailable) as failed:
            failures += failed.exceptions
        if failures:  # raised within `except*`, it would be a group again
            raise failures[0]
        return refused

    async def _create(self, claim_id: str, task: ClaimedTask) -> None:
        dag_id = DAG_OF[task.my_status]
        run_id = f"{task.taskID}-{dag_id}-{task.number}"
        # An earlier claim may have run out while its run was still queued: that run does the work.
        if task.number > 1 and _has(await self._airflow.active(task.taskID), dag_id):
            return
        if await self._airflow.create(dag_id, run_id, partition_key=task.taskID, note=first_note(task)):
            log.info("%s is %s: created run %s", task.taskID, task.my_status, run_id)
            return
        known = await self._airflow.run(dag_id, run_id)
        if known is None or known.state not in ACTIVE:
            # That run is over, or belongs to a database that was replaced: the next claim has the next number.
            await self._atdb.release([task.taskID], claim=claim_id)


def _unusable(dags: Mapping[str, Dag]) -> dict[str, str]:
    """Return why Airflow would not work off the runs of each stage's DAG now."""
    listen = dags.get(LISTEN_DAG)
    if listen is not None and listen.is_paused:
        return dict.fromkeys(DAG_OF.values(), f"the DAG {LISTEN_DAG} is paused in Airflow")
    reasons = {}
    for dag_id in DAG_OF.values():
        dag = dags.get(dag_id)
        if dag is None:
            reasons[dag_id] = f"Airflow does not know the DAG {dag_id}"
        elif dag.has_import_errors:
            reasons[dag_id] = f"the DAG {dag_id} has import errors in Airflow"
        elif dag.is_paused:
            reasons[dag_id] = f"the DAG {dag_id} is paused in Airflow"
    return reasons


def _has(runs: Sequence[Run], dag_id: str) -> bool:
    return any(run.dag_id == dag_id for run in runs)
