"""Airflow's own REST API through an Airflow connection: the state of the runs that work for ATDB."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException

from atdb_interface import reasons
from atdb_plugins.airflow_api import ACTIVE, AirflowApiError, AsyncAirflowClient, DagRun

#: The limits for connecting and for the answer.
TIMEOUT_SECONDS = (5, 15)
_PAGE = 100
#: The maximum number of consecutive entries of the audit log that are read though no list shows them.
_LARGEST_GAP = 1000


class AirflowHook(HttpHook):
    """Read DAGs and runs. The connection: host and port of Airflow's API, and a login that can read."""

    conn_name_attr = "airflow_conn_id"
    default_conn_name = "airflow_api"

    def __init__(self, airflow_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(http_conn_id=airflow_conn_id, **kwargs)

    def active_runs(self, dag_id: str) -> list[DagRun]:
        """Return the runs of a DAG that are queued or running; none if Airflow does not know the DAG."""
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
        """Return the state of a run (queued, running, success, failed); None if Airflow does not know it."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return None if run is None else str(run["state"])

    def is_paused(self, dag_id: str) -> bool:
        """Return whether a DAG is paused, so that no run starts; False for an unknown DAG."""
        dag = self._get(f"dags/{dag_id}")
        return dag is not None and bool(dag["is_paused"])

    async def async_client(self) -> AsyncAirflowClient:
        """Open a client for the event loop of a trigger; it can create runs and write notes."""
        connection = await self.aget_connection(self.http_conn_id)
        url = f"{connection.host}:{connection.port}" if connection.port else str(connection.host)
        return AsyncAirflowClient(url, str(connection.login), str(connection.password))

    def partition_key(self, dag_id: str, run_id: str) -> str | None:
        """Return the partition key of a run; None if it has none, or if Airflow does not know the run."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        key: str | None = None if run is None else run["partition_key"]
        return key

    def queued_at(self, dag_id: str, run_id: str) -> datetime | None:
        """Return when a run was last queued or cleared; None if Airflow does not know the run."""
        run = self._get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return datetime.fromisoformat(run["queued_at"]) if run and run["queued_at"] else None

    def audit_log(self, *, after: datetime, before: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Yield the entries of Airflow's audit log between two moments, oldest first.

        Airflow does not list entries about several DAGs, such as a clear in the list of all runs, but returns each
        by its number. So entries missing from the list are read one by one, up to the first entry from `before` or
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
        """Return the content of an answer of Airflow's API below `api/v2/`; None if it does not exist."""
        return self._get(path, **parameters)

    @cached_property
    def _session(self) -> requests.Session:
        """Log in once per hook."""
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
                f"Airflow refused the login of {connection.login} (HTTP {answer.status_code}). "
                f"Check the connection {self.http_conn_id}."
            ) from error
        return session

    def _get(self, path: str, **parameters: Any) -> Any:
        """Return the content of an answer, or None if Airflow itself reports that it does not exist."""
        answer = self._ask(self._session, "GET", f"api/v2/{path}", params=parameters)
        try:
            content = answer.json()
        except ValueError as error:
            raise AirflowApiError(
                f"Airflow's API gave an unreadable answer to {path} (HTTP {answer.status_code}). "
                f"Check the host of the connection {self.http_conn_id}."
            ) from error
        if answer.status_code == requests.codes.not_found and "detail" in content:
            return None
        if answer.status_code != requests.codes.ok:
            raise AirflowApiError(
                f"Airflow refused {path} (HTTP {answer.status_code}). "
                f"Check the role of the user of the connection {self.http_conn_id}."
            )
        return content

    def _ask(self, session: requests.Session, method: str, endpoint: str, **content: Any) -> requests.Response:
        url = self.url_from_endpoint(endpoint)
        try:
            return session.request(method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **content)
        except requests.RequestException as error:
            raise AirflowApiError(
                f"Airflow's API did not respond: {reasons.quote(error)}. "
                "Check that Airflow's API server is running."
            ) from error


def _moment(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["when"])


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return the function that signs requests with a token, even if there is a .netrc file."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign
