"""observe: start the telescope in time, and see to it that the observation ends in ATDB too.

Each of these tasks waits in the triggerer, where that costs no worker, and acts on a worker when it is due. The
first is due at once, unless the telescope is busy. A person may run each of them again in Airflow (clear it), so
each says what it does on every status.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import (
    AT_THE_TELESCOPE,
    BEFORE_START,
    OBSERVE,
    OBSERVED,
    START_LEAD,
    START_TOLERANCE,
    Group,
    Phase,
    Status,
    statuses,
)
from atdb_interface.models import Observation
from atdb_plugins.completing_timeout import ending
from atdb_plugins.hooks.telescope import BROKEN_OFF, TelescopeError, TelescopeHook, TelescopeTask
from atdb_plugins.parset import make_parset
from atdb_plugins.triggers.observation import (
    ObservationCompletingTrigger,
    ObservationStartTrigger,
    ObservationTrigger,
    ObservationTurnTrigger,
    has_turn,
)
from operators.base import AtdbOperator, fail_if_unknown, skip_if_refused
from operators.failures import NotDueYet, reported
from operators.history import is_of, status_in_words, was_started
from operators.stages import cleared_runs
from operators.stages.base import atdb_task_id_of, enter, owner_of

#: How long after its start an observation still belongs to the run that started it.
STARTING_MARGIN_SECONDS = 300

#: Errors of which the telescope never began to observe, as far as is known.
_NOT_STARTED = statuses(lambda row: row.group is Group.ATTENTION and row.phase is Phase.BEFORE)
#: A person who forces it there from starting or running calls it off. Of observe's own error nobody knows.
_CALLED_OFF = (*(status for status in BEFORE_START if status is not OBSERVE.error), Status.ON_HOLD)


class _WhenDueOperator(AtdbOperator):
    """Wait in the triggerer for a moment of the observation, then act on a worker."""

    trigger: ClassVar[type[ObservationTrigger]]
    begins_with_waiting: ClassVar[bool] = True
    called_off: ClassVar[Sequence[Status]] = _CALLED_OFF
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


class StartObservationOperator(_WhenDueOperator):
    """Send the parset when the observation's turn has come; the telescope is never asked twice."""

    trigger = ObservationTurnTrigger
    begins_with_waiting = False
    #: From the others this operator starts it.
    called_off = tuple(each for each in _CALLED_OFF if each not in (OBSERVE.source, *_NOT_STARTED))

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take the observation to starting and send its parset, or to the error that stands in the way.

        While another observation has the telescope, it waits in the triggerer until its turn has come.
        """
        atdb_task_id, owner, status = observation.taskID, owner_of(context), observation.my_status
        is_busy = bool(client.count_observations(my_status__in=AT_THE_TELESCOPE))
        if not has_turn(observation, datetime.now(UTC), is_busy=is_busy):
            self.defer(
                trigger=ObservationTurnTrigger(self.atdb_conn_id, atdb_task_id), method_name="execute_complete"
            )
        if status in (Status.RUNNING, Status.ERROR_NO_COMPLETING) and is_of(owner, observation):
            return  # started it was; the tasks after this one see to the rest
        before_start = (observation.starttime - datetime.now(UTC)).total_seconds()
        if status in (OBSERVE.source, *_NOT_STARTED) and before_start < -START_TOLERANCE.total_seconds():
            reason = f"{-before_start:.0f} s past the start"
            if status is OBSERVE.source:
                client.move(
                    atdb_task_id, Status.ERROR_TOO_LATE, expect=[OBSERVE.source], owner=owner, reason=reason
                )
            raise AirflowFailException(reason)
        if status in _NOT_STARTED and is_of(owner, observation):
            _require_run_again(context, observation)
            reason = cleared_runs.reason(owner, observation)
            client.move(atdb_task_id, OBSERVE.source, expect=[status], owner=owner, reason=reason)
            if before_start > START_LEAD.total_seconds():
                raise AirflowSkipException(
                    f"{atdb_task_id} is {OBSERVE.source} again, and is given out before its start"
                )
        # Of two tries that are alive at once (a killed supervisor leaves its task), the one whose own words the
        # transition bears sends the parset.
        words = f"try {context['ti'].try_number} sends the parset"
        lease_seconds = STARTING_MARGIN_SECONDS + max(0, int(before_start))
        entered = enter(
            client, OBSERVE, atdb_task_id, owner, lease_seconds=lease_seconds, reason=words, retake=False
        )
        try:
            may_be_known = was_started(observation) or entered.reason != words
            telescope_task = self.telescope.task(atdb_task_id) if may_be_known else None
            if telescope_task and telescope_task.state in BROKEN_OFF:
                raise TelescopeError(f"the telescope has it as {telescope_task}")
            if telescope_task is None:
                if entered.reason != words:
                    raise TelescopeError(
                        "the run was interrupted as it started, and the telescope does not know it"
                    )
                filenames = [product.filename for product in client.dataproducts(taskID=atdb_task_id)]
                self.telescope.start(atdb_task_id, make_parset(observation, filenames))
        except TelescopeError as error:
            client.move(atdb_task_id, Status.ERROR_START_OBS, owner=owner, reason=str(error))
            raise AirflowFailException(str(error)) from error


class RunObservationOperator(_WhenDueOperator):
    """When the start has come, the observation is running."""

    trigger = ObservationStartTrigger

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take the observation to running."""
        if observation.my_status in _NOT_STARTED:
            raise AirflowFailException(status_in_words(observation))
        if observation.my_status is Status.ERROR_NO_COMPLETING and is_of(owner_of(context), observation):
            return  # it did run; the task after this one takes it back
        client.move(observation.taskID, Status.RUNNING, expect=[Status.STARTING], owner=owner_of(context))


class CompleteObservationOperator(_WhenDueOperator):
    """The backstop: where the data writer says nothing after the end, do what the lifecycle says."""

    trigger = ObservationCompletingTrigger

    def trigger_connections(self) -> dict[str, str]:
        """Name the telescope's."""
        return {"telescope_conn_id": self.telescope_conn_id}

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Take an observation of which nothing was heard to completing or to its error.

        Run again by a person, it takes it back from its error to running, and waits for the data writer again.
        """
        atdb_task_id, owner, status = observation.taskID, owner_of(context), observation.my_status
        if status in OBSERVED:
            return
        if status in _NOT_STARTED:
            raise AirflowFailException(status_in_words(observation))
        if status is Status.ERROR_NO_COMPLETING and is_of(owner, observation):
            _require_run_again(context, observation)
            reason = cleared_runs.reason(owner, observation)
            client.move(atdb_task_id, Status.RUNNING, expect=[status], owner=owner, reason=reason)
            raise NotDueYet(f"{atdb_task_id} is {Status.RUNNING} again")
        if status is not Status.RUNNING:
            raise AirflowSkipException(status_in_words(observation))
        if not (end := ending(observation, self._ask_telescope(atdb_task_id), datetime.now(UTC))):
            raise NotDueYet(f"{atdb_task_id} is {status}, and may go on")
        becomes, reason = end
        client.move(atdb_task_id, becomes, expect=[Status.RUNNING], owner=owner, reason=reason)
        if becomes is Status.ERROR_NO_COMPLETING:
            raise AirflowFailException(reason)

    def _ask_telescope(self, atdb_task_id: str) -> TelescopeTask | None:
        try:
            return self.telescope.task(atdb_task_id)
        except TelescopeError as error:
            self.log.warning("%s", error)
            return None


def _require_run_again(context: Any, observation: Observation) -> None:
    """Fail with the error that the observation has, unless a person has had the run do its work again."""
    clears = context["dag_run"].clear_number or 0
    if not cleared_runs.has_new_clear(owner_of(context), clears, observation):
        raise AirflowFailException(status_in_words(observation))
