"""What the stages have in common: enter a working status as this run's own, work, leave it."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.actions import RETRIES
from atdb_interface.client import Client
from atdb_interface.errors import Conflict, ForbiddenMove, NotFound, NotOwner
from atdb_interface.lifecycle import Stage, Status
from atdb_interface.models import Observation, Transition
from atdb_plugins.hooks.atdb import AtdbHook
from operators.attempts import Attempt
from operators.failures import reason_of, reported
from operators.lease import LEASE_SECONDS, LeaseKeeper, LeaseLostError
from operators.stages import cleared_runs


def task_id_of(context: Any) -> str:
    """Give the taskID that this run is for: its partition key."""
    task_id = context["dag_run"].partition_key
    if not task_id:
        raise AirflowFailException("a stage runs for one observation: give its taskID as the partition key")
    return str(task_id)


def owner_of(context: Any) -> str:
    """Name this run as the owner of work in ATDB: DAG and run, the same in every try."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def enter(
    client: Client,
    stage: Stage,
    task_id: str,
    owner: str,
    *,
    lease_seconds: int = LEASE_SECONDS,
    reason: str = "",
    retake: bool = True,
) -> Transition:
    """Take an observation into the stage's working status as this owner's work; the transition that led there.

    A run whose own work ended on an error status of the stage, by itself or by a person, and which is run again
    (cleared in Airflow) takes it back from there, if it may `retake` it. Any other run that does not get the work
    skips: the observation is where it should be, or the stage is paused.
    """
    if stage.working is None:
        raise ValueError(f"{stage.actor} has no working status")
    ask = partial(
        client.move,
        task_id,
        stage.working,
        expect=[stage.source],
        owner=owner,
        lease_seconds=lease_seconds,
        reason=reason,
    )
    try:
        try:
            return ask()
        except ForbiddenMove:
            observation = client.observation(task_id)
            if not (retake and _ended_here(observation, stage, owner)):
                raise
            why = cleared_runs.reason(owner, observation)
            client.move(task_id, stage.source, expect=[observation.my_status], reason=why)
            return ask()
    except Conflict as refusal:
        raise AirflowSkipException(str(refusal)) from refusal
    except NotFound as missing:
        raise AirflowFailException(str(missing)) from missing


def _ended_here(observation: Observation, stage: Stage, owner: str) -> bool:
    """Tell whether this owner's work ended on an error of the stage; who cancels work is not its owner."""
    if RETRIES.get(observation.my_status) is not stage.source:
        return False
    history = observation.status_history
    begun_by = [step.owner for step in history if step.name == stage.working]
    return owner == (history[-1].owner or (begun_by[-1] if begun_by else None))


class StageOperator(BaseOperator):
    """Do a stage's work on one observation; a subclass says what the work is.

    The last try that fails puts the observation on the stage's error status, with the reason; one before tells
    ATDB the trouble, and holds the lease until the next. A try that is killed says nothing: its lease runs out,
    and ATDB gives the work to another run.
    """

    stage: ClassVar[Stage]
    template_fields: Sequence[str] = ()

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    @abstractmethod
    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Work, and tell the status that the observation goes to, and why if there is something to say."""

    def execute(self, context: Any) -> None:
        """Do the work as this run's."""
        with reported(self, context, atdb_conn_id=self.atdb_conn_id):
            self.carry_out(task_id_of(context), owner_of(context), Attempt.of(context, self))

    def carry_out(self, task_id: str, owner: str, attempt: Attempt) -> None:
        """Enter, work, leave."""
        with AtdbHook(self.atdb_conn_id).client() as client:
            enter(client, self.stage, task_id, owner, retake=attempt.is_first)
            keeper = LeaseKeeper(client, task_id, owner, supervisor=attempt.supervisor)
            try:
                with keeper as lease:
                    status, reason = self.work(client, client.observation(task_id), owner, lease)
                    lease.check()
            except (LeaseLostError, NotOwner) as lost:
                raise AirflowSkipException(str(lost)) from lost
            except Exception as error:
                if keeper.is_lost():
                    raise AirflowSkipException(f"its lease is lost, and then: {reason_of(error)}") from error
                if attempt.is_last:
                    self._record_failure(client, task_id, owner, error)
                else:
                    self._record_trouble(client, task_id, owner, error, attempt.retry_seconds)
                raise
            try:
                client.move(task_id, status, owner=owner, reason=reason)
            except Conflict as lost:
                raise AirflowSkipException(str(lost)) from lost

    def _record_failure(self, client: Client, task_id: str, owner: str, error: Exception) -> None:
        if self.stage.error is None:
            return
        try:
            client.move(task_id, self.stage.error, owner=owner, reason=reason_of(error))
        except Exception as untold:
            # Then the lease expires, and the work is available to claim again.
            self.log.warning("The failure is not recorded in ATDB: %s", reason_of(untold))

    def _record_trouble(
        self, client: Client, task_id: str, owner: str, error: Exception, retry_seconds: float
    ) -> None:
        lease_seconds = int(retry_seconds) + LEASE_SECONDS
        try:
            client.renew(task_id, owner, lease_seconds, trouble=reason_of(error))
        except Exception as untold:
            # Then the lease may expire before the next attempt, which skips if another run has the work.
            self.log.warning("The trouble is not recorded in ATDB: %s", reason_of(untold))
