"""observe: start the telescope in time, and make sure that the observation also ends in ATDB.

Each of these tasks waits in the triggerer, where it needs no worker, and acts on a worker when it is due. The
first is due at once, unless the telescope is busy. A user can clear each of them in Airflow, so each handles every
status.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface import reasons
from atdb_interface.client import Client
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import AT_THE_TELESCOPE, OBSERVE, OBSERVED, START_LEAD, START_TOLERANCE, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import quote
from atdb_interface.times import STARTING_MARGIN_SECONDS
from atdb_plugins.cancellation import CANCELLED, NOT_STARTED, was_started
from atdb_plugins.completing_timeout import ending
from atdb_plugins.hooks.telescope import BROKEN_OFF, TelescopeError, TelescopeTask, start_interrupted
from atdb_plugins.triggers.observation import (
    ObservationCompletingTrigger,
    ObservationStartTrigger,
    ObservationTurnTrigger,
    has_turn,
)
from operators.failures import NotDueYet
from operators.history import is_of, status_in_words
from operators.stages import cleared_runs
from operators.stages.base import enter, owner_of
from operators.stages.when_due import WhenDueOperator


class StartObservationOperator(WhenDueOperator):
    """Send the parset when it is the observation's turn; it is never sent twice."""

    trigger = ObservationTurnTrigger
    begins_with_waiting = False
    #: This operator starts observations with the other statuses.
    cancelled_by = tuple(each for each in CANCELLED if each not in (OBSERVE.source, *NOT_STARTED))

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Set the status to starting and send the parset, or set the error status.

        While the telescope is busy with another observation, wait in the triggerer.
        """
        atdb_task_id, owner, status = observation.taskID, owner_of(context), observation.my_status
        is_busy = bool(client.count_observations(my_status__in=AT_THE_TELESCOPE))
        if not has_turn(observation, datetime.now(UTC), is_busy=is_busy):
            self.defer(
                trigger=ObservationTurnTrigger(self.atdb_conn_id, atdb_task_id), method_name="execute_complete"
            )
        if status in (Status.RUNNING, Status.ERROR_NO_COMPLETING) and is_of(owner, observation):
            return  # it was started; the next tasks do the rest
        before_start = (observation.starttime - datetime.now(UTC)).total_seconds()
        if status in (OBSERVE.source, *NOT_STARTED) and before_start < -START_TOLERANCE.total_seconds():
            reason = reasons.write(
                ReasonCode.TOO_LATE,
                f"ATDB was ready to send the parset {-before_start:.0f} s after the start of the observation. The "
                f"limit is {START_TOLERANCE.total_seconds():.0f} s. Set new times, then retry.",
            )
            if status is OBSERVE.source:
                client.move(
                    atdb_task_id, Status.ERROR_TOO_LATE, expect=[OBSERVE.source], owner=owner, reason=reason
                )
            raise AirflowFailException(reason)
        if status in NOT_STARTED and is_of(owner, observation):
            _require_run_again(context, observation)
            reason = cleared_runs.reason(owner, observation)
            client.move(atdb_task_id, OBSERVE.source, expect=[status], owner=owner, reason=reason)
            if before_start > START_LEAD.total_seconds():
                raise AirflowSkipException(
                    f"{atdb_task_id} has status {OBSERVE.source} again. Another run will start it in time"
                )
        # Of two attempts that are alive at once (a killed supervisor leaves its task), the one whose number the
        # transition has sends the parset.
        attempt = context["ti"].try_number
        reason = reasons.write(
            ReasonCode.SENDS_PARSET, f"Attempt {attempt} sends the parset to the telescope.", argument=attempt
        )
        lease_seconds = STARTING_MARGIN_SECONDS + max(0, int(before_start))
        entered = enter(
            client, OBSERVE, atdb_task_id, owner, lease_seconds=lease_seconds, reason=reason, retake=False
        )
        is_sender = reasons.read(entered.reason) == reasons.Reason(ReasonCode.SENDS_PARSET, str(attempt))
        try:
            self._send_parset_once(client, observation, is_sender=is_sender)
        except TelescopeError as error:
            reason = reasons.reason_of(error)
            client.move(atdb_task_id, Status.ERROR_START_OBS, owner=owner, reason=reason)
            raise AirflowFailException(reason) from error

    def _send_parset_once(self, client: Client, observation: Observation, *, is_sender: bool) -> None:
        """Send the parset unless the telescope has the observation. Raises TelescopeError if that is unknown."""
        may_be_known = was_started(observation) or not is_sender
        telescope_task = self.telescope.task(observation.taskID) if may_be_known else None
        if telescope_task and telescope_task.state in BROKEN_OFF:
            raise telescope_task.failure()
        if telescope_task is None:
            if not is_sender:
                raise start_interrupted()
            filenames = [product.filename for product in client.dataproducts(taskID=observation.taskID)]
            self.telescope.start(observation.taskID, _command(observation, filenames))


class RunObservationOperator(WhenDueOperator):
    """Set the status to running when the start time has come."""

    trigger = ObservationStartTrigger

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Set the status to running."""
        if observation.my_status in NOT_STARTED:
            raise AirflowFailException(status_in_words(observation))
        if observation.my_status is Status.ERROR_NO_COMPLETING and is_of(owner_of(context), observation):
            return  # it ran; the next task continues
        client.move(observation.taskID, Status.RUNNING, expect=[Status.STARTING], owner=owner_of(context))


class CompleteObservationOperator(WhenDueOperator):
    """The timeout fallback: if the data writer does not report the end, do what the lifecycle defines."""

    trigger = ObservationCompletingTrigger

    def act(self, client: Client, observation: Observation, context: Any) -> None:
        """Set the status of an observation without a report to completing or to the error.

        After a clear in Airflow, set it from the error back to running, and wait for the data writer again.
        """
        atdb_task_id, owner, status = observation.taskID, owner_of(context), observation.my_status
        if status in OBSERVED:
            return
        if status in NOT_STARTED:
            raise AirflowFailException(status_in_words(observation))
        if status is Status.ERROR_NO_COMPLETING and is_of(owner, observation):
            _require_run_again(context, observation)
            reason = cleared_runs.reason(owner, observation)
            client.move(atdb_task_id, Status.RUNNING, expect=[status], owner=owner, reason=reason)
            raise NotDueYet(f"{atdb_task_id} has status {Status.RUNNING} again")
        if status is not Status.RUNNING:
            raise AirflowSkipException(status_in_words(observation))
        if not (end := ending(observation, self._ask_telescope(atdb_task_id), datetime.now(UTC))):
            raise NotDueYet(f"{atdb_task_id} has status {status}, and its time limit has not passed")
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


def _command(observation: Observation, filenames: list[str]) -> str:
    """Return the command that starts the telescope. Raises TelescopeError for values that it cannot contain."""
    try:
        return instrument().command(observation, filenames)
    except ValueError as error:
        raise TelescopeError(
            ReasonCode.NO_COMMAND,
            f"The specification has a value that the telescope cannot receive: {quote(error)}. Nothing was sent. "
            "Correct the observation or its data products, then retry.",
        ) from error


def _require_run_again(context: Any, observation: Observation) -> None:
    """Fail with the error of the observation, unless a user has cleared the run after it."""
    clears = context["dag_run"].clear_number or 0
    if not cleared_runs.has_new_clear(owner_of(context), clears, observation):
        raise AirflowFailException(status_in_words(observation))
