"""What the stages have in common: enter a working status as this run's own, work, leave it."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.errors import ForbiddenMove, NotOwner
from atdb_interface.lifecycle import Stage, Status
from atdb_interface.observations import Observation
from atdb_interface.owners import write_owner
from atdb_interface.reasons import reason_of
from atdb_interface.times import LEASE_SECONDS
from atdb_interface.transitions import Transition
from operators.attempts import Attempt
from operators.base import AtdbOperator, fail_if_unknown, skip_if_refused
from operators.failures import reported
from operators.history import has_ended_in_error
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages import cleared_runs


def atdb_task_id_of(context: Any) -> str:
    """Give the taskID that this run is for: its partition key."""
    atdb_task_id = context["dag_run"].partition_key
    if not atdb_task_id:
        raise AirflowFailException("a stage runs for one observation: give its taskID as the partition key")
    return str(atdb_task_id)


def owner_of(context: Any) -> str:
    """Name this run as the owner of work in ATDB: DAG and run, the same in every try."""
    return write_owner(context["dag_run"].dag_id, context["dag_run"].run_id)


def enter(
    client: Client,
    stage: Stage,
    atdb_task_id: str,
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
        atdb_task_id,
        stage.working,
        expect=[stage.source],
        owner=owner,
        lease_seconds=lease_seconds,
        reason=reason,
    )
    with fail_if_unknown(), skip_if_refused():
        try:
            entered = ask()
        except ForbiddenMove:
            observation = client.observation(atdb_task_id)
            if not (retake and has_ended_in_error(owner, observation, stage)):
                raise
            reason_of_clear = cleared_runs.reason(owner, observation)
            client.move(atdb_task_id, stage.source, expect=[observation.my_status], reason=reason_of_clear)
            entered = ask()
    return entered


class StageOperator(AtdbOperator):
    """Do a stage's work on one observation; a subclass says what the work is.

    The last try that fails puts the observation on the stage's error status, with the reason; one before tells
    ATDB the trouble, and holds the lease until the next. A try that is killed says nothing: its lease runs out,
    and ATDB gives the work to another run.
    """

    stage: ClassVar[Stage]
    template_fields: Sequence[str] = ()

    @abstractmethod
    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Work, and tell the status that the observation goes to, and why if there is something to say."""

    def execute(self, context: Any) -> None:
        """Do the work as this run's."""
        with reported(self, context):
            self.carry_out(atdb_task_id_of(context), owner_of(context), Attempt.of(context, self))

    def carry_out(self, atdb_task_id: str, owner: str, attempt: Attempt) -> None:
        """Enter, work, leave."""
        with self.client() as client:
            enter(client, self.stage, atdb_task_id, owner, retake=attempt.is_first)
            keeper = LeaseKeeper(client, atdb_task_id, owner, supervisor=attempt.supervisor)
            try:
                with keeper as lease:
                    status, reason = self.work(client, client.observation(atdb_task_id), owner, lease)
                    lease.check()
            except (LeaseLostError, NotOwner) as lost:
                raise AirflowSkipException(str(lost)) from lost
            except Exception as error:
                if keeper.is_lost():
                    raise AirflowSkipException(f"its lease is lost, and then: {reason_of(error)}") from error
                if attempt.is_last:
                    self._record_failure(client, atdb_task_id, owner, error)
                else:
                    self._record_trouble(client, atdb_task_id, owner, error, attempt.retry_seconds)
                raise
            with skip_if_refused():
                client.move(atdb_task_id, status, owner=owner, reason=reason)

    def _record_failure(self, client: Client, atdb_task_id: str, owner: str, error: Exception) -> None:
        if self.stage.error is None:
            return
        try:
            client.move(atdb_task_id, self.stage.error, owner=owner, reason=reason_of(error))
        except Exception as record_error:
            # Then the lease expires, and the work is available to claim again.
            self.log.warning("The failure is not recorded in ATDB: %s", reason_of(record_error))

    def _record_trouble(
        self, client: Client, atdb_task_id: str, owner: str, error: Exception, retry_seconds: float
    ) -> None:
        lease_seconds = int(retry_seconds) + LEASE_SECONDS
        try:
            client.renew(atdb_task_id, owner, lease_seconds, trouble=reason_of(error))
        except Exception as record_error:
            # Then the lease may expire before the next attempt, which skips if another run has the work.
            self.log.warning("The trouble is not recorded in ATDB: %s", reason_of(record_error))
