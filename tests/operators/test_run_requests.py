"""ATDB records once who cleared, marked or deleted a run in Airflow; with a real Airflow API."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.reconcile.run_requests import LOOKS_BACK, RecordRunRequestsOperator
from operators.stages.ingest import IngestProductsOperator
from tests.airflow_serving import Airflow, serve_airflow
from tests.conftest import Postgres
from tests.operators.contexts import Context
from tests.operators.observations import Make, last
from tests.operators.test_reconcile_runs import use_airflow

Observe = Callable[..., Observation]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def served(postgres: Postgres) -> Iterator[Airflow]:
    with serve_airflow(postgres) as airflow:
        yield airflow


@pytest.fixture
def airflow(served: Airflow, context: Context, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    use_airflow(monkeypatch, served.url, served.password)
    return served


@pytest.fixture
def since() -> datetime:
    return datetime.now(UTC)


def ask(airflow: Airflow, method: str, path: str, body: Any = None) -> None:
    answer = airflow.http.request(method, path, json=body)
    assert answer.is_success, answer.text


def ask_in_vain(airflow: Airflow, path: str, body: Any) -> None:
    """Send a request with a read-only account: Airflow refuses it, after it has logged it."""
    login = {"username": "reconcile", "password": airflow.password}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{airflow.url}/api/v2/{path}", json=body, headers=bearer, timeout=30)
    assert answer.status_code in (httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY), answer.text


@contextmanager
def serve_answer(answer: Any) -> Iterator[tuple[str, list[str]]]:
    """Serve the same response to each request; yield the URL, and the requested paths."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET  # noqa: N815 - the name in http.server

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def path_of(dag_id: str, run_id: str) -> str:
    return f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def recorded(client: Client, since: datetime) -> list[tuple[str | None, str]]:
    """Record new requests, and return them without their times."""
    for _ in range(2):  # the same request is recorded once
        RecordRunRequestsOperator(task_id="audit_runs").record(since)
    events = list(client.rows("events", kind=EventKind.RUN, ordering="id"))
    assert all(" asked Airflow at 20" in row["detail"] for row in events)
    return [(row["taskID"], row["detail"].partition("Z to ")[2]) for row in events]


def test_a_clear_is_recorded_for_the_observation_of_the_run(
    client: Client, observe: Observe, airflow: Airflow, since: datetime
) -> None:
    made = observe(Status.VALID)
    run = airflow.run("ingest", made.taskID)
    clear = f"{path_of('ingest', run)}/clear"
    ask(airflow, "POST", clear, {"dry_run": True})
    ask(airflow, "POST", clear, {"dry_run": False})
    ask(airflow, "POST", clear, {"dry_run": False, "only_failed": True})
    tasks = {"dry_run": False, "dag_run_id": run, "task_ids": ["ingest"], "only_failed": False}
    ask(airflow, "POST", "dags/ingest/clearTaskInstances", tasks)
    assert recorded(client, since) == [
        (made.taskID, f"clear run ingest/{run}"),
        (made.taskID, f"clear the failed tasks of run ingest/{run}"),
        (made.taskID, f"clear the task ingest of run ingest/{run}"),
    ]


def test_a_clear_of_several_runs_is_recorded_for_each_of_them(
    client: Client, observe: Observe, airflow: Airflow, since: datetime
) -> None:
    first, second = observe(Status.VALID), observe(Status.ARCHIVED)
    ingest, remove = airflow.run("ingest", first.taskID), f"{second.taskID}-remove-1"
    ask(airflow, "POST", "dags/remove/dagRuns", {"logical_date": None, "dag_run_id": remove})
    runs = [{"dag_id": "ingest", "dag_run_id": ingest}, {"dag_id": "remove", "dag_run_id": remove}]
    ask(airflow, "POST", "dags/~/clearDagRuns", {"dry_run": True, "dag_runs": runs})
    ask(airflow, "POST", "dags/~/clearDagRuns", {"dry_run": False, "dag_runs": runs})
    ask(airflow, "POST", "dags/ingest/clearDagRuns", {"dry_run": False, "partition_key": first.taskID})
    delete = {"action": "delete", "entities": [{"dag_id": "remove", "dag_run_id": remove}]}
    ask(airflow, "PATCH", "dags/~/dagRuns", {"actions": [delete]})
    assert recorded(client, since) == [
        (first.taskID, f"clear run ingest/{ingest}"),
        (second.taskID, f"clear run remove/{remove}"),
        (first.taskID, "clear runs of ingest"),
        (second.taskID, f"delete run remove/{remove}"),
    ]


def test_a_mark_and_a_deletion_are_recorded_and_a_note_is_not(
    client: Client, observe: Observe, airflow: Airflow, since: datetime
) -> None:
    made = observe(Status.VALID)
    run = airflow.run("ingest", made.taskID)
    path = path_of("ingest", run)
    ask(airflow, "PATCH", path, {"note": "of no interest here"})
    ask(airflow, "PATCH", path, {"state": "failed"})
    ask(airflow, "PATCH", f"{path}/taskInstances/ingest", {"new_state": "success"})
    update = {"action": "update", "entities": [{"dag_run_id": run, "state": "success"}]}
    ask(airflow, "PATCH", "dags/ingest/dagRuns", {"actions": [update]})
    assert recorded(client, since) == [
        (made.taskID, f"mark as failed run ingest/{run}"),
        (made.taskID, f"mark the task ingest as success of run ingest/{run}"),
        (made.taskID, f"mark as success run ingest/{run}"),
    ]


def test_a_deleted_run_is_found_by_its_name(
    client: Client, observe: Observe, airflow: Airflow, since: datetime
) -> None:
    made = observe(Status.VALID)
    run = f"{made.taskID}-ingest-1"
    body = {"logical_date": None, "partition_key": made.taskID, "dag_run_id": run}
    ask(airflow, "POST", "dags/ingest/dagRuns", body)
    airflow.mark("ingest", run, "failed")
    ask(airflow, "DELETE", path_of("ingest", run))
    assert recorded(client, since)[-1] == (made.taskID, f"delete run ingest/{run}")


def test_what_happens_to_runs_of_other_dags_is_none_of_atdb(
    client: Client, airflow: Airflow, since: datetime
) -> None:
    run = airflow.run("reconcile", state="failed")
    ask(airflow, "POST", f"{path_of('reconcile', run)}/clear", {"dry_run": False})
    assert recorded(client, since) == []


def test_a_request_that_cannot_be_read_is_recorded_and_stops_no_pass(
    client: Client, observe: Observe, airflow: Airflow, since: datetime
) -> None:
    made = observe(Status.VALID)
    run = airflow.run("ingest", made.taskID)
    clear = {"dry_run": False, "dag_run_id": run, "task_ids": [[]]}
    ask_in_vain(airflow, "dags/ingest/clearTaskInstances", clear)
    runs = [{"dag_run_id": name} for name in ("..", "\0", 5)]
    ask_in_vain(airflow, "dags/ingest/clearDagRuns", {"dry_run": False, "dag_runs": runs})
    ask(airflow, "POST", f"{path_of('ingest', run)}/clear", {"dry_run": False})
    assert recorded(client, since) == [
        (made.taskID, f"do something unreadable (post_clear_task_instances) with run ingest/{run}"),
        (None, "do something unreadable (clear_dag_runs) with runs of ingest"),
        (made.taskID, f"clear run ingest/{run}"),
    ]


def test_a_pass_after_a_long_failure_looks_back_a_day(
    client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"access_token": "x", "event_logs": [], "total_entries": 0}
    earliest = datetime.now(UTC) - LOOKS_BACK
    with serve_answer(answer) as (url, paths):
        use_airflow(monkeypatch, url, "secret")
        for last in (None, earliest - timedelta(days=30)):
            RecordRunRequestsOperator(task_id="audit_runs").execute({"prev_start_date_success": last})
    after = [moment for path in paths for moment in parse_qs(urlsplit(path).query).get("after", [])]
    assert len(after) == 2
    assert all(datetime.fromisoformat(moment) >= earliest for moment in after)


@pytest.mark.parametrize("dag", ["ingest", "~"])
def test_the_history_names_who_had_the_run_do_its_work_again(
    client: Client, validated: Make, context: Context, archive_root: Any, airflow: Airflow, dag: str
) -> None:
    made = validated()
    run = airflow.run("ingest", made.taskID)
    client.move(made.taskID, Status.INGESTING, owner=f"ingest/{run}", lease_seconds=60)
    client.move(made.taskID, Status.INGEST_ERROR, owner=f"ingest/{run}", reason="the disk")
    failed_at = client.observation(made.taskID).status_since
    while datetime.now(UTC) < failed_at + timedelta(seconds=1):
        pass  # times in the API have whole seconds
    airflow.mark("ingest", run, "failed")
    clear = {"dry_run": False, "dag_runs": [{"dag_id": "ingest", "dag_run_id": run}]}
    ask_in_vain(airflow, "dags/ingest/clearTaskInstances", {"dry_run": False, "task_ids": [[]]})
    ask(airflow, "POST", f"dags/{dag}/clearDagRuns", clear)
    later = {"dry_run": False, "dag_run_id": run, "task_ids": ["ingest"]}
    ask_in_vain(airflow, "dags/ingest/clearTaskInstances", later)  # after the clear, so it did not cause it
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run=run))
    history = client.observation(made.taskID).status_history
    assert [step.reason for step in history if has_code(step.reason, ReasonCode.RUN_CLEARED)] == [
        "RunCleared: The run was cleared in Airflow by admin."
    ]
    assert last(client, made)[0] == Status.ARCHIVED


def test_the_work_continues_if_airflow_does_not_name_the_user(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Any,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = validated()
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:9"}))
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=60)
    client.move(made.taskID, Status.INGEST_ERROR, owner="ingest/run 1", reason="the disk")
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    history = client.observation(made.taskID).status_history
    assert (
        "RunCleared: The run was cleared in Airflow by an unknown user, because Airflow's API did not respond."
    ) in {step.reason for step in history}
    assert last(client, made)[0] == Status.ARCHIVED


def test_the_work_continues_whatever_airflow_answers(
    client: Client, validated: Make, context: Context, archive_root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = validated()
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=60)
    client.move(made.taskID, Status.INGEST_ERROR, owner="ingest/run 1", reason="the disk")
    with serve_answer({"access_token": "x"}) as (url, paths):
        use_airflow(monkeypatch, url, "secret")
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert paths
    history = client.observation(made.taskID).status_history
    assert "RunCleared: The run was cleared in Airflow by an unknown user." in {step.reason for step in history}
    assert last(client, made)[0] == Status.ARCHIVED
