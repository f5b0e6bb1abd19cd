"""A task of observe: it waits in the triggerer until it is due, and stops the telescope if that is called off."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import AT_THE_TELESCOPE, BEFORE_START, OBSERVE, Group, Phase, Status, statuses
from atdb_interface.observations import Observation
from atdb_plugins.hooks.telescope import TelescopeHook
from atdb_plugins.triggers.observation import ObservationTrigger
from operators.base import AtdbOperator, fail_if_unknown, skip_if_refused
from operators.failures import reported
from operators.history import status_in_words, was_started
from operators.stages.base import atdb_task_id_of

#: Errors of which the telescope never began to observe, as far as is known.
NOT_STARTED = statuses(lambda row: row.group is Group.ATTENTION and row.phase is Phase.BEFORE)
#: A person who forces it there from starting or running calls it off. Of observe's own error nobody knows.
CALLED_OFF = (*(status for status in BEFORE_START if status is not OBSERVE.error), Status.ON_HOLD)


class WhenDueOperator(AtdbOperator):
    """Wait in the triggerer for a moment of the observation, then act on a worker."""

    trigger: ClassVar[type[ObservationTrigger]]
    begins_with_waiting: ClassVar[bool] = True
    called_off: ClassVar[Sequence[Status]] = CALLED_OFF
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
        """Name the connections that the trigger needs beside ATDB's."""
        return {}

    @property
    def telescope(self) -> TelescopeHook:
        """Telescope control."""
        return TelescopeHook(self.telescope_conn_id)

    def execute(self, context: Any) -> None:
        """Act at once: the first task, and any other where there is no triggerer."""
        self.execute_complete(context)

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        """Act, or skip where the observation has gone another way meanwhile; where it was called off, say so."""
        with reported(self, context):
            self._act_or_skip(atdb_task_id_of(context), context)

    def _act_or_skip(self, atdb_task_id: str, context: Any) -> None:
        with self.client() as client, fail_if_unknown(), skip_if_refused():
            observation = client.observation(atdb_task_id)
            self._stop_what_is_called_off(observation)
            try:
                self.act(client, observation, context)
            except (Conflict, AirflowSkipException):
                # Whoever was faster may have called it off, after the telescope was told to start it.
                self._stop_what_is_called_off(client.observation(atdb_task_id))
                raise

    def _stop_what_is_called_off(self, observation: Observation) -> None:
        """Stop the telescope where it may have an observation that nobody wants any more, and skip."""
        if observation.my_status is Status.ABORTED:
            is_called_off = was_started(observation)
        else:
            previous = observation.status_history[-1].previous
            is_called_off = observation.my_status in self.called_off and previous in AT_THE_TELESCOPE
        if not is_called_off:
            return
        self.telescope.stop(observation.taskID)
        raise AirflowSkipException(f"{status_in_words(observation)}; the telescope was told to stop it")

    @abstractmethod
    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Do what is due."""
