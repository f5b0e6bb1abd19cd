"""Airflow's own REST API, read through an Airflow connection: what became of the runs that work for ATDB."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException

from atdb_plugins.airflow_api import ACTIVE, AirflowApiError, AsyncAirflowClient, DagRun

#: Connect, then answer.
TIMEOUT_SECONDS = (5, 15)
_PAGE = 100
#: Of the audit log, so many entries in a row that no list shows are read at most.
_LARGEST_GAP = 1000


class AirflowHook(HttpHook):
    """Ask about DAGs and runs: host and port of Airflow's API, login and password of an account that may read."""

    conn_name_attr = "airflow_conn_id"
    default_conn_name = "airflow_api"

    def __init__(self, airflow_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(http_conn_id=airflow_conn_id, **kwargs)

    def active_runs(self, dag_id: str) -> list[DagRun]:
        """List the runs of a DAG that are queued or running; none where Airflow does not know the DAG."""
        runs: list[DagRun] = []
        cursor = ""
        while cursor is not None:
            page = self._get(f"dags/{dag_id}/dagRuns", state=ACTIVE, limit=_PAGE, cursor=cursor)
            if page is None:
                break
            runs += map(DagRun.read, page["dag_runs"])
            cursor = page["next_cursor"]
        return runs

    def state(self, dag_id: str, run_id: str) -> str | None:
        """Tell the state of a run: queued, running, success, failed; None where Airflow does not know it."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return None if run is None else str(run["state"])

    def is_paused(self, dag_id: str) -> bool:
        """Tell whether a DAG is paused, so that its events start no run; one that is not known is not."""
        dag = self._get(f"dags/{dag_id}")
        return dag is not None and bool(dag["is_paused"])

    async def async_client(self) -> AsyncAirflowClient:
        """Open a client for the event loop of a trigger, with which runs can be created and notes be written."""
        connection = await self.aget_connection(self.http_conn_id)
        url = f"{connection.host}:{connection.port}" if connection.port else str(connection.host)
        return AsyncAirflowClient(url, str(connection.login), str(connection.password))

    def partition_key(self, dag_id: str, run_id: str) -> str | None:
        """Return the partition key of a run; None if it has none, or if Airflow does not know the run."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        key: str | None = None if run is None else run["partition_key"]
        return key

    def queued_at(self, dag_id: str, run_id: str) -> datetime | None:
        """Return when a run was queued or cleared the last time; None if Airflow does not know the run."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return datetime.fromisoformat(run["queued_at"]) if run and run["queued_at"] else None

    def audit_log(self, *, after: datetime, before: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Yield the entries of Airflow's audit log between two moments, oldest first.

        Airflow lists no entry about several DAGs, such as a clear of runs in the list of all runs, but returns it
        by its number. So what the list leaves out is asked for one by one, up to the first entry from `before` or
        later, or to the newest.
        """
        earlier = self._get("eventLogs", before=after.isoformat(), order_by="-event_log_id", limit=1)
        last = next((entry["event_log_id"] for entry in earlier["event_logs"]), None) if earlier else None
        for entry in self._listed(after, before):
            number = entry["event_log_id"]
            if last is not None:
                unlisted = map(self._entry, range(max(last + 1, number - _LARGEST_GAP), number))
                yield from (other for other in unlisted if other and _moment(other) > after)
            yield entry
            last = number
        while last is not None and (next_one := self._entry(last + 1)):
            if before is not None and _moment(next_one) >= before:
                break
            if _moment(next_one) > after:
                yield next_one
            last += 1

    def _listed(self, after: datetime, before: datetime | None) -> Iterator[dict[str, Any]]:
        ask = {"after": after.isoformat(), "order_by": "event_log_id"}
        if before is not None:
            ask["before"] = before.isoformat()
        offset, total = 0, 1
        while offset < total:
            page = self._get("eventLogs", **ask, limit=_PAGE, offset=offset)
            if page is None:
                break
            yield from page["event_logs"]
            offset, total = offset + _PAGE, page["total_entries"]

    def _entry(self, number: int) -> dict[str, Any] | None:
        entry: dict[str, Any] | None = self._get(f"eventLogs/{number}")
        return entry

    def read(self, path: str, **parameters: Any) -> Any:
        """Return the content of an answer of Airflow's API below `api/v2/`; None if there is no such thing."""
        return self._get(path, **parameters)

    @cached_property
    def _session(self) -> requests.Session:
        """Log in, once for each hook."""
        try:
            session, connection = self.get_conn(), self.get_connection(self.http_conn_id)
        except AirflowNotFoundException as missing:
            raise AirflowApiError(str(missing)) from missing
        session.auth = None
        login = {"username": connection.login, "password": connection.password}
        answer = self._ask(session, "POST", "auth/token", json=login)
        try:
            session.auth = _bearer(answer.json()["access_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise AirflowApiError(
                f"Airflow does not let {connection.login} in: HTTP {answer.status_code}"
            ) from error
        return session

    def _get(self, path: str, **parameters: Any) -> Any:
        """Give an answer's content, or None where Airflow itself says that there is no such thing."""
        answer = self._ask(self._session, "GET", f"api/v2/{path}", params=parameters)
        try:
            content = answer.json()
        except ValueError as error:
            raise AirflowApiError(f"Airflow gave no answer to {path}: HTTP {answer.status_code}") from error
        if answer.status_code == requests.codes.not_found and "detail" in content:
            return None
        if answer.status_code != requests.codes.ok:
            raise AirflowApiError(f"Airflow refused {path}: HTTP {answer.status_code}")
        return content

    def _ask(self, session: requests.Session, method: str, endpoint: str, **content: Any) -> requests.Response:
        url = self.url_from_endpoint(endpoint)
        try:
            return session.request(method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **content)
        except requests.RequestException as error:
            raise AirflowApiError(f"Airflow's API cannot be reached: {error}") from error


def _moment(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["when"])


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Sign each request with a token, whatever a .netrc file says."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign
