"""Telescope control, spoken to over HTTP through an Airflow connection."""

from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook

#: Connect, then answer. A telescope that takes longer has not answered.
TIMEOUT_SECONDS = (5, 30)


class TelescopeError(Exception):
    """The telescope did not start the observation, or nobody knows whether it did."""


class TelescopeHook(HttpHook):
    """Start an observation on the telescope, and ask what it knows of one."""

    conn_name_attr = "telescope_conn_id"
    default_conn_name = "telescope_default"

    def __init__(self, telescope_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(http_conn_id=telescope_conn_id, **kwargs)

    def start(self, task_id: str, parset: str) -> None:
        """Send the parset, once. TelescopeError where it is refused or the answer stays unknown.

        Nothing here may be repeated: a half-started telescope must not be started twice.
        """
        answer = self._ask("POST", "/observations/", json={"taskID": task_id, "parset": parset})
        if not answer.ok:
            raise TelescopeError(f"the telescope refused: {_sentence(answer)}")

    def state(self, task_id: str) -> str | None:
        """Tell what the telescope knows of a task: accepted, observing, finished, failed, or None."""
        answer = self._ask("GET", f"/observations/{task_id}/")
        if answer.status_code == requests.codes.not_found:
            return None
        if not answer.ok:
            raise TelescopeError(f"the telescope did not tell its state: {_sentence(answer)}")
        return str(answer.json()["state"])

    def _ask(self, method: str, endpoint: str, **kwargs: Any) -> requests.Response:
        session = self.get_conn()
        try:
            return session.request(
                method,
                self.url_from_endpoint(endpoint),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **kwargs,
            )
        except requests.RequestException as error:
            raise TelescopeError(f"the telescope's answer is unknown: {error}") from error


def _sentence(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    return f"{detail or answer.reason} (HTTP {answer.status_code})"
