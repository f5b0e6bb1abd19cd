"""observe: start the telescope in time, and see to it that the observation ends in ATDB too.

Each of these tasks begins in the triggerer, where waiting costs no worker, and acts on a worker when it is due.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import OBSERVE, START_TOLERANCE, Status
from atdb_interface.models import Observation
from atdb_plugins.hooks.atdb import AtdbHook
from atdb_plugins.hooks.telescope import TelescopeError, TelescopeHook
from atdb_plugins.parset import make_parset
from operators.stage import enter, owner_of, task_id_of

#: How long after its start an observation still belongs to the run that started it.
STARTING_MARGIN_SECONDS = 300
#: Where a run may send the parset; from the errors only when it is run again.
_NOT_STARTED = (OBSERVE.source, Status.ERROR_TOO_LATE, Status.ERROR_START_OBS)


class _WhenDueOperator(BaseOperator):
    """Wait in the triggerer for a moment of the observation, then act on a worker."""

    trigger: ClassVar[str]
    template_fields: Sequence[str] = ("atdb_task_id",)

    def __init__(self, *, atdb_conn_id: str = AtdbHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id
        self.atdb_task_id = "{{ dag_run.partition_key or '' }}"
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"atdb_plugins.triggers.atdb.{self.trigger}",
            trigger_kwargs={"atdb_conn_id": atdb_conn_id, "atdb_task_id": self.atdb_task_id},
            next_method="execute_complete",
        )

    def execute(self, context: Any) -> None:
        """Act at once: only where the task is run without a triggerer."""
        self.execute_complete(context)

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        """Act, or skip where the observation has gone another way meanwhile."""
        with AtdbHook(self.atdb_conn_id).client() as client:
            try:
                self.act(client, client.observation(task_id_of(context)), context)
            except Conflict as refusal:
                raise AirflowSkipException(str(refusal)) from refusal

    @abstractmethod
    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Do what is due."""


class StartOperator(_WhenDueOperator):
    """Send the parset when the observation's turn has come; the telescope is never asked twice."""

    trigger = "TurnTrigger"

    def __init__(self, *, telescope_conn_id: str = TelescopeHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.telescope_conn_id = telescope_conn_id

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take the observation to starting and send its parset, or to the error that stands in the way."""
        task_id, owner, telescope = observation.taskID, owner_of(context), TelescopeHook(self.telescope_conn_id)
        before_start = (observation.starttime - datetime.now(UTC)).total_seconds()
        if observation.my_status in _NOT_STARTED and before_start < -START_TOLERANCE.total_seconds():
            reason = f"{-before_start:.0f} s past the start"
            if observation.my_status is OBSERVE.source:
                client.move(task_id, Status.ERROR_TOO_LATE, expect=[OBSERVE.source], owner=owner, reason=reason)
            raise AirflowFailException(reason)
        # Of two tries that are alive at once (a killed supervisor leaves its task), the one whose own words the
        # transition bears sends the parset.
        words = f"try {context['ti'].try_number} sends the parset"
        lease_seconds = STARTING_MARGIN_SECONDS + max(0, int(before_start))
        entered = enter(client, OBSERVE, task_id, owner, lease_seconds=lease_seconds, reason=words)
        try:
            if entered.reason == words:
                filenames = [product.filename for product in client.dataproducts(taskID=task_id)]
                telescope.start(task_id, make_parset(observation, filenames))
            elif telescope.state(task_id) is None:
                raise TelescopeError("the run was interrupted as it started, and the telescope does not know it")
        except TelescopeError as error:
            client.move(task_id, Status.ERROR_START_OBS, owner=owner, reason=str(error))
            raise AirflowFailException(str(error)) from error


class RunOperator(_WhenDueOperator):
    """When the start has come, the observation is running."""

    trigger = "StartTrigger"

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take the observation to running."""
        client.move(observation.taskID, Status.RUNNING, expect=[Status.STARTING], owner=owner_of(context))


class CompleteOperator(_WhenDueOperator):
    """The backstop: where the data writer says nothing after the end, do what the lifecycle says."""

    trigger = "CompletingTrigger"

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take an observation of which nothing was heard to completing or to its error."""
        status = observation.backstop(datetime.now(UTC))
        if status is None:
            return
        reason = "past the end, and no word from the data writer"
        client.move(observation.taskID, status, expect=[Status.RUNNING], owner=owner_of(context), reason=reason)
        if status is Status.ERROR_NO_COMPLETING:
            raise AirflowFailException(reason)
