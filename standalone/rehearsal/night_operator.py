"""The night operator: a person who does what docs/operation.md says, by ATDB's and the telescope's API alone."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Conflict
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code

log = logging.getLogger(__name__)

#: What a person looks after.
TROUBLED = (
    Status.ERROR_TOO_LATE,
    Status.ERROR_START_OBS,
    Status.ERROR_NO_COMPLETING,
    Status.INCOMPLETE,
    Status.INGEST_ERROR,
    Status.REMOVE_ERROR,
)
#: A new start is so far ahead that the pipeline comes in time, and so far after the last one that was given: many
#: that are too late together would be so again.
NEW_START, APART = timedelta(seconds=25), timedelta(seconds=4)
#: For so long a person waits for a data writer that is done to say so.
_REPORT_PATIENCE = timedelta(seconds=45)


class NightOperator:
    """Look after what is on an error status.

    `repair` repairs a task's broken products and returns whether it has; `cause_is_over` tells whether the
    archive is repaired; `copy_is_right` compares a task's copies in the archive with what ATDB says; `abort` is
    told of what was cancelled.
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
        """Look once at all that needs somebody."""
        statuses = ",".join((*TROUBLED, Status.RUNNING))
        for observation in list(self._client.observations(my_status__in=statuses)):
            self._try(self._help, observation)
        for lease in list(self._client.leases()):
            if lease.trouble and lease.my_status is Status.REMOVING:
                self._try(self._during_a_removal, self._client.observation(lease.taskID))

    def _try(self, what: Callable[[Observation], None], observation: Observation) -> None:
        try:
            what(observation)
        except Conflict as gone_on:
            log.info("%s has gone on: %s", observation.taskID, gone_on)
        except (AtdbError, httpx.HTTPError) as error:
            log.info("%s has to wait: %s", observation.taskID, error)

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
                    self._act(task_id, Action.RETRY, "the data were put right")
            case Status.INGEST_ERROR:
                self._after_a_failed_ingest(observation)
            case Status.REMOVE_ERROR if self._archive_is_well():
                if self._copy_is_right(observation):
                    self._act(task_id, Action.RETRY, "the archive is well again")
                else:
                    self._act(task_id, Action.INGEST, "its copy in the archive is bad")

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
                self._cancel(observation, f"the telescope has it as {state}")

    def _after_silence(self, observation: Observation) -> None:
        state = self._telescope_state(observation.taskID)
        if state in {"accepted", "observing", "finished"}:
            self._act(observation.taskID, Action.RETRY, f"the telescope has it as {state}")
        else:
            self._cancel(observation, f"the telescope has it as {state}")

    def _after_a_lost_report(self, observation: Observation) -> None:
        """The telescope is done, and nobody will say so any more."""
        if datetime.now(UTC) - max(observation.status_since, observation.endtime) < _REPORT_PATIENCE:
            return
        answer = self._telescope.get(f"/observations/{observation.taskID}/").json()
        if answer.get("state") == "finished" and answer.get("reported"):
            self._client.move(observation.taskID, Status.COMPLETING, reason="the telescope says that it is done")

    def _after_a_failed_ingest(self, observation: Observation) -> None:
        if not self._archive_is_well():
            return
        task_id, reason = observation.taskID, observation.status_history[-1].reason
        if has_code(reason, ReasonCode.DATA_CHANGED):
            self._repair(task_id)
            self._act(task_id, Action.CHECK, "the data have changed")
        else:
            self._act(task_id, Action.RETRY, "the archive is well again")

    def _during_a_removal(self, observation: Observation) -> None:
        """Do not wait for the last of its tries where the copy in the archive is bad."""
        if self._archive_is_well() and not self._copy_is_right(observation):
            self._act(observation.taskID, Action.CANCEL, "its copy in the archive is bad")

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
