"""A client of Airflow's REST API for an event loop: create runs, write their notes, and read.

Checked against the source of Airflow 3.3.2. The account needs the role `listener` of atdb_plugins/auth_manager.py,
and no more.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import httpx

#: The states of a run that has not ended. A run that has ended continues only after a clear.
ACTIVE = ("queued", "running")
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
#: What Airflow accepts as a note.
LONGEST_NOTE = 1000
_PAGE = 100


class AirflowApiError(Exception):
    """Airflow's API refused a request or did not respond."""


class AirflowUnavailable(AirflowApiError):
    """Airflow's API did not respond: it is unknown whether it has carried out the request."""


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG as Airflow returns it. `partition_key`: the taskID that a stage's run is for."""

    dag_id: str
    run_id: str
    state: str
    partition_key: str | None
    note: str

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read one item of a list of runs."""
        return cls(row["dag_id"], row["dag_run_id"], row["state"], row["partition_key"], row["note"] or "")


@dataclass(frozen=True)
class Dag:
    """A DAG as Airflow knows it now."""

    is_paused: bool
    has_import_errors: bool


class AsyncAirflowClient:
    """A client of the Airflow at `url`, which logs in with a password; an expired token is replaced.

    Every method raises AirflowApiError if Airflow does not respond in time or refuses the request.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT, trust_env=False)
        self._login = {"username": user, "password": password}
        self._token = ""
        self._one_login = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def create(self, dag_id: str, run_id: str, *, partition_key: str, note: str) -> bool:
        """Create a run; return whether it is new. An existing run of this id stays as it is."""
        content = {"logical_date": None, "dag_run_id": run_id, "partition_key": partition_key, "note": note}
        answer = await self._ask("POST", f"dags/{dag_id}/dagRuns", json=content)
        if answer.status_code == HTTPStatus.CONFLICT:
            return False
        _require_success(answer)
        return True

    async def run(self, dag_id: str, run_id: str) -> DagRun | None:
        """Return a run, or None if Airflow does not know it."""
        answer = await self._ask("GET", f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        return DagRun.read(_content(answer))

    async def active(self, partition_key: str | None = None) -> list[DagRun]:
        """Return the queued and running runs of all DAGs.

        With a partition key, return only the runs that have it.
        """
        only = {"partition_key_prefix_pattern": partition_key} if partition_key else {}
        runs = [run async for run in self._walk(state=ACTIVE, **only)]
        return [run for run in runs if partition_key in (None, run.partition_key)]

    async def failed(self, since: datetime) -> list[DagRun]:
        """Return the runs that have failed since a moment, of all DAGs."""
        return [run async for run in self._walk(state=("failed",), end_date_gte=since.isoformat())]

    async def write_note(self, run: DagRun, note: str) -> None:
        """Replace the note of a run; do nothing if Airflow does not know the run any more."""
        path = f"dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"
        answer = await self._ask("PATCH", path, json={"note": note})
        if answer.status_code != HTTPStatus.NOT_FOUND:
            _require_success(answer)

    async def dags(self, tag: str) -> dict[str, Dag]:
        """Return the DAGs that have a tag, by their ids."""
        content = _content(await self._ask("GET", "dags", params={"tags": tag, "limit": _PAGE}))
        return {dag["dag_id"]: Dag(dag["is_paused"], dag["has_import_errors"]) for dag in content["dags"]}

    async def _walk(self, **filters: Any) -> AsyncIterator[DagRun]:
        cursor: str | None = ""
        while cursor is not None:
            params = {"limit": _PAGE, "cursor": cursor, **filters}
            page = _content(await self._ask("GET", "dags/~/dagRuns", params=params))
            for row in page["dag_runs"]:
                yield DagRun.read(row)
            cursor = page["next_cursor"]

    async def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        token = self._token or await self._log_in("")
        answer = await self._send(method, path, token, content)
        if _has_bad_token(answer):
            answer = await self._send(method, path, await self._log_in(token), content)
        return answer

    async def _log_in(self, refused: str) -> str:
        """Return another token than the refused one. If several requests need one, only one of them logs in."""
        async with self._one_login:
            if self._token == refused:
                answer = await self._request("POST", "/auth/token", json=self._login)
                if answer.status_code == HTTPStatus.UNAUTHORIZED:
                    raise AirflowApiError(
                        f"Airflow does not accept the login of {self._login['username']} (HTTP 401). "
                        "Check the connection airflow_listen."
                    )
                self._token = str(_content(answer)["access_token"])
            return self._token

    async def _send(self, method: str, path: str, token: str, content: Mapping[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._request(method, f"/api/v2/{path}", headers=headers, **content)

    async def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **content)
        except httpx.TransportError as error:
            words = str(error) or type(error).__name__
            raise AirflowUnavailable(f"Airflow at {self._http.base_url} did not respond: {words}") from error


def _has_bad_token(answer: httpx.Response) -> bool:
    """Return whether a token has expired, or was signed with a secret that has been replaced since."""
    refused = answer.status_code == HTTPStatus.FORBIDDEN and "JWT" in _detail(answer)
    return refused or answer.status_code == HTTPStatus.UNAUTHORIZED


def _require_success(answer: httpx.Response) -> None:
    if not answer.is_success:
        request = f"{answer.request.method} {answer.request.url.path}"
        raise AirflowApiError(f"Airflow refused {request}: HTTP {answer.status_code}{_detail(answer)}")


def _content(answer: httpx.Response) -> Any:
    _require_success(answer)
    try:
        return answer.json()
    except ValueError as error:
        raise AirflowApiError(
            f"Not an answer of Airflow: {answer.request.url.path}. Check the connection airflow_listen."
        ) from error


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f", {detail}" if isinstance(detail, str) else ""
