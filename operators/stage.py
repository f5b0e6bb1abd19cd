"""What the stages have in common: enter a working status as this run's own, work, leave it."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.errors import Conflict, ForbiddenMove, NotFound, NotOwner
from atdb_interface.lifecycle import Stage, Status, allowed_next
from atdb_interface.models import Observation, Transition
from atdb_plugins.hooks.atdb import AtdbHook
from operators.lease import LEASE_SECONDS, LeaseKeeper, LeaseLostError


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
) -> Transition:
    """Take an observation into the stage's working status as this owner's work; the transition that led there.

    A run whose own work ended on the stage's error status and which is run again (cleared in Airflow) takes it
    back from there. Any other run that does not get the work skips: the observation is where it should be.
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
            if not _failed_here(client.observation(task_id), stage, owner):
                raise
            client.move(task_id, stage.source, reason="run again in Airflow")
            return ask()
    except (ForbiddenMove, NotOwner) as refusal:
        raise AirflowSkipException(str(refusal)) from refusal
    except NotFound as missing:
        raise AirflowFailException(str(missing)) from missing


def _failed_here(observation: Observation, stage: Stage, owner: str) -> bool:
    status = observation.my_status
    return (
        status is not stage.working
        and stage.source in allowed_next(status)
        and observation.status_history[-1].owner == owner
    )


class StageOperator(BaseOperator):
    """Do a stage's work on one observation; a subclass says what the work is.

    The last try that fails puts the observation on the stage's error status, with the reason. A try that is
    killed says nothing: its lease runs out, and ATDB gives the work to another run.
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
        """Enter, work, leave."""
        task_id, owner = task_id_of(context), owner_of(context)
        with AtdbHook(self.atdb_conn_id).client() as client:
            enter(client, self.stage, task_id, owner)
            try:
                with LeaseKeeper(client, task_id, owner) as lease:
                    status, reason = self.work(client, client.observation(task_id), owner, lease)
                    lease.check()
            except (LeaseLostError, NotOwner) as lost:
                raise AirflowSkipException(str(lost)) from lost
            except Exception as error:
                if context["ti"].try_number > context["ti"].max_tries:
                    self._record_failure(client, task_id, owner, error)
                raise
            try:
                client.move(task_id, status, owner=owner, reason=reason)
            except Conflict as lost:
                raise AirflowSkipException(str(lost)) from lost

    def _record_failure(self, client: Client, task_id: str, owner: str, error: Exception) -> None:
        if self.stage.error is None:
            return
        try:
            client.move(task_id, self.stage.error, owner=owner, reason=f"{type(error).__name__}: {error}")
        except Exception:
            # ATDB cannot be told now. The lease runs out, and the work is given out again.
            self.log.exception("the failure is not recorded in ATDB")
