"""Telescope control over HTTP, through an Airflow connection."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException

from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import CodedError, quote

#: The limits for connecting and for the answer.
TIMEOUT_SECONDS = (5, 30)


class TelescopeError(CodedError):
    """The telescope has not carried out a request, or ATDB does not know whether it has."""


class TelescopeState(StrEnum):
    """The state of a task at the telescope."""

    ACCEPTED = "accepted"
    OBSERVING = "observing"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


#: The telescope has not ended the task, and may still complete it.
AT_WORK = frozenset({TelescopeState.ACCEPTED, TelescopeState.OBSERVING})
#: The telescope will never write all data of the task.
BROKEN_OFF = frozenset({TelescopeState.FAILED, TelescopeState.STOPPED})


@dataclass(frozen=True)
class TelescopeTask:
    """What the telescope reports about a task. `problem`: why it failed, or empty."""

    state: TelescopeState
    problem: str = ""

    @classmethod
    def read(cls, answer: dict[str, Any]) -> Self:
        """Read an answer of the telescope. Raises TelescopeError if it is not readable."""
        try:
            return cls(TelescopeState(answer["state"]), str(answer.get("problem") or ""))
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(repr(error)) from error

    def __str__(self) -> str:
        return f"{self.state}: {self.problem}" if self.problem else str(self.state)

    def failure(self) -> TelescopeError:
        """Return the error for a task that the telescope has failed or stopped."""
        return TelescopeError(
            ReasonCode.TELESCOPE_FAILED,
            f"The telescope reports this observation as {quote(self)}. The telescope does not start an "
            "observation a second time. To observe it after all, cancel it and submit it again.",
        )


class TelescopeHook(HttpHook):
    """Start and stop an observation at the telescope, and read its state."""

    conn_name_attr = "telescope_conn_id"
    default_conn_name = "telescope_default"

    def __init__(self, telescope_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(http_conn_id=telescope_conn_id, **kwargs)

    def start(self, atdb_task_id: str, parset: str) -> None:
        """Send the parset once. Raises TelescopeError if it is refused or the answer is unknown.

        Never repeat this: a telescope that may have started must not be started twice.
        """
        answer = self._ask("POST", "/observations/", json={"taskID": atdb_task_id, "parset": parset})
        if not answer.ok:
            raise _refused("to start the observation", answer)

    def stop(self, atdb_task_id: str) -> None:
        """Stop an observation. Nothing happens if it has ended or if the telescope does not know it.

        This can be repeated. Raises TelescopeError if it is unknown whether the observation is stopped.
        """
        answer = self._ask("DELETE", f"/observations/{atdb_task_id}/")
        if not answer.ok and answer.status_code != requests.codes.not_found:
            raise _refused("to stop the observation", answer)

    def task(self, atdb_task_id: str) -> TelescopeTask | None:
        """Return what the telescope knows about a task; None if it does not know the task."""
        answer = self._ask("GET", f"/observations/{atdb_task_id}/")
        if answer.status_code == requests.codes.not_found:
            return None
        if not answer.ok:
            raise _refused("to report the state of the observation", answer)
        return TelescopeTask.read(_json(answer))

    def _ask(self, method: str, endpoint: str, **kwargs: Any) -> requests.Response:
        try:
            return self.get_conn().request(
                method,
                self.url_from_endpoint(endpoint),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **kwargs,
            )
        except (requests.RequestException, AirflowNotFoundException) as error:
            raise TelescopeError(
                ReasonCode.TELESCOPE_UNREACHABLE,
                f"The telescope did not respond, so its state is unknown: {quote(error)}. Check the telescope.",
            ) from error


def start_interrupted() -> TelescopeError:
    """Return the error for an observation whose start was interrupted, and which the telescope does not have."""
    return TelescopeError(
        ReasonCode.START_INTERRUPTED,
        "The run was interrupted as it started the observation, and the telescope does not have it. If the start "
        "has passed, set new times. Then retry.",
    )


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise _unreadable(error) from error


def _unreadable(problem: object) -> TelescopeError:
    return TelescopeError(
        ReasonCode.TELESCOPE_ANSWER_UNREADABLE,
        f"The telescope gave an answer that ATDB cannot read: {quote(problem)}. Check the telescope.",
    )


def _refused(request: str, answer: requests.Response) -> TelescopeError:
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    words = quote(f"{detail or answer.reason} (HTTP {answer.status_code})")
    return TelescopeError(
        ReasonCode.TELESCOPE_REFUSED, f"The telescope refused {request}: {words}. Check the telescope."
    )
