"""A task of observe: wait in the triggerer until it is due, and stop the telescope if the work is cancelled."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.cancellation import CANCELLED, is_cancelled_at_telescope
from atdb_plugins.hooks.telescope import TelescopeHook
from atdb_plugins.triggers.observation import AtTheTelescopeTrigger, ObservationTrigger
from operators.base import AtdbOperator, fail_if_unknown, skip_if_refused
from operators.failures import reported
from operators.history import status_in_words
from operators.stages.base import atdb_task_id_of


class WhenDueOperator(AtdbOperator):
    """Wait in the triggerer for a moment of the observation, then act on a worker."""

    trigger: ClassVar[type[ObservationTrigger]]
    begins_with_waiting: ClassVar[bool] = True
    cancelled_by: ClassVar[Sequence[Status]] = CANCELLED
    template_fields: Sequence[str] = ("atdb_task_id",)

    def __init__(self, *, telescope_conn_id: str = TelescopeHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.telescope_conn_id = telescope_conn_id
        self.atdb_task_id = "{{ dag_run.partition_key or '' }}"
        self.start_from_trigger = self.begins_with_waiting
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{self.trigger.__module__}.{self.trigger.__name__}",
            trigger_kwargs={
                "atdb_conn_id": self.atdb_conn_id,
                "atdb_task_id": self.atdb_task_id,
                **self.trigger_connections(),
            },
            next_method="execute_complete",
        )

    def trigger_connections(self) -> dict[str, str]:
        """Return the connections that the trigger needs in addition to the connection to ATDB."""
        is_at_telescope = issubclass(self.trigger, AtTheTelescopeTrigger)
        return {"telescope_conn_id": self.telescope_conn_id} if is_at_telescope else {}

    @property
    def telescope(self) -> TelescopeHook:
        """Return the hook of telescope control."""
        return TelescopeHook(self.telescope_conn_id)

    def execute(self, context: Any) -> None:
        """Act at once: as the first task, or without a triggerer."""
        self.execute_complete(context)

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        """Act, or skip if the observation no longer needs this. Stop the telescope if a user has cancelled it."""
        with reported(self, context):
            self._act_or_skip(atdb_task_id_of(context), context)

    def _act_or_skip(self, atdb_task_id: str, context: Any) -> None:
        with self.client() as client, fail_if_unknown(), skip_if_refused():
            observation = client.observation(atdb_task_id)
            self._stop_if_cancelled(observation)
            try:
                self.act(client, observation, context)
            except (Conflict, AirflowSkipException):
                # Another client may have cancelled it since, when the telescope had it already.
                self._stop_if_cancelled(client.observation(atdb_task_id))
                raise

    def _stop_if_cancelled(self, observation: Observation) -> None:
        """Stop the telescope and skip, if it may have an observation that was cancelled."""
        if not is_cancelled_at_telescope(observation, self.cancelled_by):
            return
        self.telescope.stop(observation.taskID)
        raise AirflowSkipException(f"{status_in_words(observation)}. The telescope was stopped")

    @abstractmethod
    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Do the work that is due."""
