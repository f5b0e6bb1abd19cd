"""From claims in ATDB to runs in Airflow: one run for each observation that a stage waits for.

ATDB commits a claim before its runs are created, and keeps it open until work on the observation has begun. So
after any interruption, the next start of the listener creates the missing runs. The id of a run contains the
taskID, the stage and the number of the claim: Airflow refuses a second run for the same claim.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from uuid import uuid4

from atdb_interface.characters import printable
from atdb_interface.claims import ClaimedTask, ClaimRequest
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import OBSERVE, WORKING, Status
from atdb_interface.times import CLAIM_SECONDS, LEASE_SECONDS
from atdb_plugins.airflow_api import ACTIVE, AirflowApiError, AirflowUnavailable, AsyncAirflowClient, Dag
from atdb_plugins.clock import ClockWatch
from atdb_plugins.run_notes import first_note
from atdb_plugins.stage_dags import DAG_OF, LISTEN_DAG, TAG

log = logging.getLogger(__name__)

#: The name of the consumer of the claims in ATDB.
CONSUMER = "airflow"
#: A pause of a DAG in Airflow takes effect within this time.
LOOK_AT_DAGS_SECONDS = 3.0
#: Open claims without a run are processed again after this time.
LOOK_AGAIN_SECONDS = 3.0
#: The maximum number of requests at once: more would only wait within Airflow's API.
REQUESTS_AT_ONCE = 4
#: The maximum number of observations of a stage that wait within Airflow: those that wait in ATDB are in order of
#: their urgency, also if more urgent ones come later.
MOST_OPEN = 8
#: A reason from Airflow is cut to this length.
_LONGEST_REASON = 500


class Dispatcher:
    """Claim observations in ATDB, and create a run for each in Airflow.

    `troubles`: the statuses whose DAG gets no runs now, and why. No observation with such a status is claimed.
    """

    def __init__(self, atdb: AsyncClient, airflow: AsyncAirflowClient, clock: ClockWatch | None = None) -> None:
        self._atdb, self._airflow, self._clock = atdb, airflow, clock or ClockWatch()
        # Until then, by the monotonic clock, leases may only seem to have expired, because the clock has jumped.
        self._leases_unsure_until = float("-inf")
        self._unusable: dict[str, str] = dict.fromkeys(
            DAG_OF.values(), "the DAGs in Airflow have not been read yet"
        )
        self._refused: dict[str, str] = {}
        self._looked_at = float("-inf")
        # When to look at the open claims again, by the monotonic clock; None if each of them has its run.
        self._look_again_at: float | None = float("-inf")

    @property
    def troubles(self) -> dict[Status, str]:
        """Return the statuses whose DAG gets no runs now, each with the reason."""
        reasons = self._refused | self._unusable
        return {status: _readable(reasons[dag_id]) for status, dag_id in DAG_OF.items() if dag_id in reasons}

    async def step(self) -> int:
        """Dispatch the observations that are available now, and return how many.

        Raises AtdbError and AirflowApiError. After either, the next step begins with the open claims.
        """
        try:
            return await self._step()
        except AirflowApiError as error:
            self._look_again_at = self._looked_at = float("-inf")
            self._unusable = dict.fromkeys(DAG_OF.values(), str(error))
            raise
        except AtdbError:
            self._look_again_at = float("-inf")
            raise

    async def _step(self) -> int:
        if time.monotonic() - self._looked_at > LOOK_AT_DAGS_SECONDS:
            self._unusable = _unusable(await self._airflow.dags(TAG))
            self._looked_at = time.monotonic()
        if self._look_again_at is not None and time.monotonic() >= self._look_again_at:
            await self._resume()
        statuses = [status for status in self._claimable() if status not in self.troubles]
        if not statuses or not await self._atdb.count_waiting(statuses, most_open=MOST_OPEN):
            return 0
        request = ClaimRequest(
            id=f"listen/{uuid4()}",
            consumer=CONSUMER,
            statuses=statuses,
            lease_seconds=CLAIM_SECONDS,
            most_open=MOST_OPEN,
        )
        claim = await self._atdb.claim(request)
        await self._create_all([(claim.id, task) for task in claim.tasks])
        return len(claim.tasks)

    def _claimable(self) -> list[Status]:
        """Return the statuses that can be claimed now.

        If the clock has jumped, all leases may seem to have expired. So no work in progress is given to another
        run until each owner has had the time of a lease to renew its own.
        """
        if jump := self._clock.jump():
            self._leases_unsure_until = time.monotonic() + LEASE_SECONDS
            log.warning(
                "The clock of this machine has jumped by %+.0f s. For %s s, no work in progress is given to "
                "another run. Check the time service, and what is overdue: `atdb list overdue=true`.",
                jump,
                LEASE_SECONDS,
            )
        is_sure = time.monotonic() >= self._leases_unsure_until
        return [status for status in DAG_OF if is_sure or status not in WORKING]

    async def _resume(self) -> None:
        """Create the runs of open claims that have none; release claims for DAGs that cannot be used."""
        claims = [task for task in await self._atdb.open_claims(CONSUMER) if task.my_status in DAG_OF]
        active = await self._airflow.active() if claims else []
        run_ids = {run.run_id for run in active}
        works = {(run.dag_id, run.partition_key) for run in active}
        self._refused = {}
        self._look_again_at = None
        missing: list[tuple[str, ClaimedTask]] = []
        for task in claims:
            if DAG_OF[task.my_status] in self._unusable:
                await self._atdb.release([task.taskID], claim=task.claim)
            elif run_id_of(task) in run_ids:
                continue
            elif task.my_status not in WORKING and (DAG_OF[task.my_status], task.taskID) in works:
                self._look_again_soon()  # another run of the DAG does the work, or ends without having done it
            else:
                missing.append((task.claim, task))
        await self._create_all(missing)

    def _look_again_soon(self) -> None:
        self._look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS

    async def _create_all(self, tasks: Sequence[tuple[str, ClaimedTask]]) -> None:
        """Create the runs of claimed tasks, those of the telescope first.

        If Airflow refuses a run of one DAG, the others continue; the claims for that DAG stay open until later.
        """

        async def create(claim_id: str, task: ClaimedTask) -> None:
            async with at_once:
                if DAG_OF[task.my_status] in self._refused:
                    return
                try:
                    await self._create(claim_id, task)
                except AirflowUnavailable:
                    raise
                except AirflowApiError as error:
                    log.warning(
                        "Cannot create a run of %s for %s now: %s",
                        DAG_OF[task.my_status],
                        task.taskID,
                        error,
                    )
                    self._refused[DAG_OF[task.my_status]] = str(error)
                    self._look_again_soon()

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

    async def _create(self, claim_id: str, task: ClaimedTask) -> None:
        dag_id, run_id = DAG_OF[task.my_status], run_id_of(task)
        # The run of an earlier claim may still be queued. Work whose lease has expired does not wait for that run.
        if task.number != 1 and task.my_status not in WORKING:
            others = await self._airflow.active(task.taskID)
            if any(run.dag_id == dag_id and run.run_id != run_id for run in others):
                self._look_again_soon()
                return
        if await self._airflow.create(dag_id, run_id, partition_key=task.taskID, note=first_note(task)):
            log.info("%s is %s: created run %s", task.taskID, task.my_status, run_id)
            return
        run = await self._airflow.run(dag_id, run_id)
        if run is None or run.state not in ACTIVE:
            # That run has ended, or is older than ATDB's database: the next claim has the next number.
            await self._atdb.release([task.taskID], claim=claim_id)


def run_id_of(task: ClaimedTask) -> str:
    """Return the id of the run that is created for a claim."""
    return f"{task.taskID}-{DAG_OF[task.my_status]}-{task.number}"


def _unusable(dags: Mapping[str, Dag]) -> dict[str, str]:
    """Return the DAGs of stages that get no runs now, each with the reason."""
    listen = dags.get(LISTEN_DAG)
    if listen is not None and listen.is_paused:
        return dict.fromkeys(DAG_OF.values(), reason_of_pause(LISTEN_DAG))
    reasons = {}
    for dag_id in DAG_OF.values():
        dag = dags.get(dag_id)
        if dag is None:
            reasons[dag_id] = f"Airflow does not know the DAG {dag_id}; check that its file is in the DAG folder"
        elif dag.has_import_errors:
            reasons[dag_id] = f"the DAG {dag_id} has import errors in Airflow; fix its file"
        elif dag.is_paused:
            reasons[dag_id] = reason_of_pause(dag_id)
    return reasons


def reason_of_pause(dag_id: str) -> str:
    """Return the reason why a paused DAG gets no runs."""
    return f"the DAG {dag_id} is paused in Airflow; unpause it there"


def _readable(reason: str) -> str:
    """Return a reason from Airflow as one line that ATDB accepts."""
    return " ".join(printable(reason).split())[:_LONGEST_REASON]
