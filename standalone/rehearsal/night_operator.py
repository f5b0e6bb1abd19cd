"""The night operator: does what docs/operation.md says, only with the APIs of ATDB and of the telescope."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Conflict
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code

log = logging.getLogger(__name__)

#: The statuses that an operator handles.
HANDLED = (
    Status.ERROR_TOO_LATE,
    Status.ERROR_START_OBS,
    Status.ERROR_NO_COMPLETING,
    Status.INCOMPLETE,
    Status.INGEST_ERROR,
    Status.REMOVE_ERROR,
)
#: The time from now to a new start, which the pipeline needs, and the time between new starts. Without the second
#: time, many observations that are too late together would be too late again.
NEW_START, APART = timedelta(seconds=25), timedelta(seconds=4)
#: How long an operator waits for the report of a data writer that has finished.
_REPORT_PATIENCE = timedelta(seconds=45)
_NAMED_ACTION = re.compile(f"[Uu]se the action ({'|'.join(Action)})")


class NightOperator:
    """Handle observations in an error status.

    - `repair` repairs the damaged products of a taskID, and returns whether it did.
    - `archive_is_well` returns whether the archive works.
    - `copy_is_right` compares the copies in the archive with ATDB's checksums.
    - `abort` records an observation that was cancelled, with the reason.
    """

    def __init__(
        self,
        client: Client,
        telescope_url: str,
        *,
        repair: Callable[[str], bool],
        archive_is_well: Callable[[], bool],
        copy_is_right: Callable[[Observation], bool],
        abort: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._telescope = httpx.Client(base_url=telescope_url, trust_env=False, timeout=10)
        self._repair, self._archive_is_well = repair, archive_is_well
        self._copy_is_right, self._abort = copy_is_right, abort
        self._last_start = datetime.now(UTC)

    def look(self) -> None:
        """Handle once all observations that need attention."""
        statuses = ",".join((*HANDLED, Status.RUNNING))
        for observation in list(self._client.observations(my_status__in=statuses)):
            self._handle(self._help, observation)
        for lease in list(self._client.leases()):
            if lease.trouble and lease.my_status is Status.REMOVING:
                during = partial(self._during_a_removal, trouble=lease.trouble)
                self._handle(during, self._client.observation(lease.taskID))

    def _handle(self, handle: Callable[[Observation], None], observation: Observation) -> None:
        try:
            handle(observation)
        except Conflict as refusal:
            log.info("%s has changed meanwhile: %s", observation.taskID, refusal)
        except (AtdbError, httpx.HTTPError) as error:
            log.info("%s must wait: %s", observation.taskID, error)

    def _help(self, observation: Observation) -> None:
        task_id = observation.taskID
        match observation.my_status:
            case Status.ERROR_TOO_LATE:
                self._start_anew(observation)
            case Status.ERROR_START_OBS:
                self._after_a_failed_start(observation)
            case Status.ERROR_NO_COMPLETING:
                self._after_silence(observation)
            case Status.RUNNING:
                self._after_a_lost_report(observation)
            case Status.INCOMPLETE:
                if self._repair(task_id):
                    self._act(task_id, Action.RETRY, "the data have been repaired")
            case Status.INGEST_ERROR:
                self._after_a_failed_ingest(observation)
            case Status.REMOVE_ERROR if self._archive_is_well():
                self._after_a_failed_removal(observation)

    def _start_anew(self, observation: Observation) -> None:
        earliest = max(datetime.now(UTC) + NEW_START, self._last_start + APART)
        start = self._last_start = earliest.replace(microsecond=0)
        self._client.change_observation(
            observation.id,
            starttime=start,
            endtime=start + timedelta(seconds=observation.duration),
        )
        self._act(observation.taskID, Action.RETRY, "new times")

    def _after_a_failed_start(self, observation: Observation) -> None:
        match self._telescope_state(observation.taskID):
            case None:
                self._start_anew(observation)
            case "accepted" | "observing" | "finished":
                self._client.move(
                    observation.taskID, Status.RUNNING, force=True, reason="the telescope is observing it"
                )
            case state:
                self._cancel(observation, f"the telescope reports it as {state}")

    def _after_silence(self, observation: Observation) -> None:
        state = self._telescope_state(observation.taskID)
        if state in {"accepted", "observing", "finished"}:
            self._act(observation.taskID, Action.RETRY, f"the telescope reports it as {state}")
        else:
            self._cancel(observation, f"the telescope reports it as {state}")

    def _after_a_lost_report(self, observation: Observation) -> None:
        """Complete an observation that the telescope has finished, if the report was lost."""
        if datetime.now(UTC) - max(observation.status_since, observation.endtime) < _REPORT_PATIENCE:
            return
        answer = self._telescope.get(f"/observations/{observation.taskID}/").json()
        if answer.get("state") == "finished" and answer.get("reported"):
            self._client.move(observation.taskID, Status.COMPLETING, reason="the telescope reports it as finished")

    def _after_a_failed_ingest(self, observation: Observation) -> None:
        if not self._archive_is_well():
            return
        task_id, reason = observation.taskID, observation.status_history[-1].reason
        if has_code(reason, ReasonCode.DATA_CHANGED):
            self._repair(task_id)
            self._act(task_id, Action.CHECK, "the data have changed")
        elif action := named_action(reason):
            self._act(task_id, action, "as the error advises")
        else:
            self._act(task_id, Action.RETRY, "the archive works again")

    def _after_a_failed_removal(self, observation: Observation) -> None:
        """Do what the error advises, or else retry, unless a copy in the archive is damaged."""
        task_id, action = observation.taskID, named_action(observation.status_history[-1].reason)
        if action:
            self._act(task_id, action, "as the error advises")
        elif self._copy_is_right(observation):
            self._act(task_id, Action.RETRY, "the archive works again")
        else:
            self._act(task_id, Action.INGEST, "its copy in the archive is damaged")

    def _during_a_removal(self, observation: Observation, trouble: str) -> None:
        """Cancel a removal that cannot succeed, without waiting for its last attempt: see its error."""
        if has_code(trouble, ReasonCode.DATA_DIFFERS):
            self._act(observation.taskID, Action.CANCEL, f"no attempt can succeed: {trouble}")
        elif self._archive_is_well() and not self._copy_is_right(observation):
            self._act(observation.taskID, Action.CANCEL, "its copy in the archive is damaged")

    def _cancel(self, observation: Observation, reason: str) -> None:
        if self._act(observation.taskID, Action.CANCEL, reason).my_status is Status.ABORTED:
            self._abort(observation.taskID, reason)

    def _act(self, task_id: str, action: Action, reason: str) -> Observation:
        log.info("%s: %s: %s", task_id, action, reason)
        return self._client.act(task_id, action, reason=reason)

    def _telescope_state(self, task_id: str) -> str | None:
        answer = self._telescope.get(f"/observations/{task_id}/")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(answer.raise_for_status().json()["state"])


def named_action(reason: str) -> Action | None:
    """Return the action that the text of an error advises, or None."""
    match = _NAMED_ACTION.search(reason)
    return Action(match[1]) if match else None
