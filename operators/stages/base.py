"""What the stages have in common: take an observation for this run, work on it, and set its next status."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, ForbiddenMove, NotOwner
from atdb_interface.fields import LONGEST_TEXT
from atdb_interface.lifecycle import Stage, Status
from atdb_interface.observations import Observation
from atdb_interface.owners import write_owner
from atdb_interface.reasons import CodedError, code_of, reason_of, words_of, write
from atdb_interface.times import LEASE_SECONDS
from atdb_interface.transitions import Transition
from operators.attempts import Attempt
from operators.base import AtdbOperator, fail_if_unknown, skip_if_refused
from operators.failures import reported
from operators.history import has_ended_in_error
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages import cleared_runs


def atdb_task_id_of(context: Any) -> str:
    """Return the taskID that this run is for: its partition key."""
    atdb_task_id = context["dag_run"].partition_key
    if not atdb_task_id:
        raise AirflowFailException("The run has no partition key, so it is for no observation.")
    return str(atdb_task_id)


def owner_of(context: Any) -> str:
    """Return the owner that this run is in ATDB: DAG and run, the same in every attempt."""
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
    """Set the stage's working status with this owner's lease, and return the transition that led there.

    The owner's work may have ended with an error of the stage, or by a cancel. If a user has cleared the run in
    Airflow since, the owner takes the observation back, unless `retake` is false. All other runs that do not get
    the observation skip: another run does the work, or the stage is paused.
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
    """Do a stage's work on one observation; a subclass defines the work.

    If the last attempt fails, the observation gets the stage's error status, with the reason. If an earlier one
    fails, it reports the reason to ATDB and keeps the lease until the next attempt. A killed attempt reports
    nothing: its lease expires, and another run can claim the work.
    """

    stage: ClassVar[Stage]
    template_fields: Sequence[str] = ()

    @abstractmethod
    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> tuple[Status, str]:
        """Do the work, and return the next status of the observation and the reason, which can be empty."""

    def execute(self, context: Any) -> None:
        """Do the work for the observation of the run."""
        with reported(self, context):
            self.carry_out(atdb_task_id_of(context), owner_of(context), Attempt.of(context, self))

    def carry_out(self, atdb_task_id: str, owner: str, attempt: Attempt) -> None:
        """Set the working status, work, and set the next status."""
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
                    raise AirflowSkipException(f"The lease is lost. After that: {reason_of(error)}") from error
                if attempt.is_last:
                    self._record_failure(client, atdb_task_id, owner, error)
                else:
                    self._record_trouble(client, atdb_task_id, owner, error, attempt)
                raise
            with skip_if_refused():
                client.move(atdb_task_id, status, owner=owner, reason=reason)

    def _record_failure(self, client: Client, atdb_task_id: str, owner: str, error: Exception) -> None:
        if self.stage.error is None:
            return
        try:
            client.move(atdb_task_id, self.stage.error, owner=owner, reason=self._reason(error))
        except Exception as record_error:
            # Then the lease expires, and the work is available to claim again.
            self.log.warning("The failure is not recorded in ATDB: %s", reason_of(record_error))

    def _reason(self, error: Exception) -> str:
        """Return the reason of a failure. ATDB's errors say what to do next; those of a library do not."""
        if isinstance(error, CodedError | AtdbError):
            return reason_of(error)
        failure = f"{self.stage.actor.capitalize()} failed: {words_of(error)}. Fix the cause, then retry."
        return write(code_of(error), failure)

    def _record_trouble(
        self, client: Client, atdb_task_id: str, owner: str, error: Exception, attempt: Attempt
    ) -> None:
        """Report the reason and the time of the next attempt, and keep the lease until then."""
        lease_seconds = int(attempt.retry_seconds) + LEASE_SECONDS
        follows = f". {attempt.next_begins(datetime.now(UTC))}."
        trouble = reason_of(error).removesuffix(".")[: LONGEST_TEXT - len(follows)] + follows
        try:
            client.renew(atdb_task_id, owner, lease_seconds, trouble=trouble)
        except Exception as record_error:
            # Then the lease may expire before the next attempt, which skips if another run has the work.
            self.log.warning("The trouble is not recorded in ATDB: %s", reason_of(record_error))
