"""The listener's account in a real Airflow can read, create runs of the stages, and write their notes."""

import json
import re
import socket
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.airflow_serving import Airflow

pytestmark = pytest.mark.timeout(600)

RUN = {"logical_date": None, "partition_key": "290101001"}


@pytest.fixture
def listener(airflow: Airflow) -> Iterator[httpx.Client]:
    login = {"username": "listen", "password": airflow.listen_password}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=airflow.url, headers=headers, timeout=30) as opened:
        yield opened


@pytest.fixture
def run_id(listener: httpx.Client) -> str:
    made = listener.post("/api/v2/dags/ingest/dagRuns", json={**RUN, "dag_run_id": f"290101001-ingest-{uuid4()}"})
    assert made.status_code == 200, made.text
    return str(made.json()["dag_run_id"])


def test_it_reads_and_creates_runs_and_writes_notes(airflow: Airflow, listener: httpx.Client, run_id: str) -> None:
    here = f"/api/v2/dags/ingest/dagRuns/{run_id}"
    assert listener.get(here).json()["triggering_user_name"] == "listen"
    assert listener.get("/api/v2/dags/~/dagRuns").status_code == 200
    assert listener.patch(here, json={"note": "3C48"}).status_code == 200
    assert airflow.note("ingest", run_id) == "3C48"


@pytest.mark.parametrize(
    "body",
    [
        {"state": "failed"},
        {"note": "x", "state": "success"},
        {"state": "queued", "note": None},
        {},
        ["note"],
        "note",
    ],
)
def test_it_changes_nothing_of_a_run_but_its_note(
    body: object, airflow: Airflow, listener: httpx.Client, run_id: str
) -> None:
    here = f"/api/v2/dags/ingest/dagRuns/{run_id}"
    before = airflow.http.get(f"dags/ingest/dagRuns/{run_id}").json()
    assert listener.patch(here, json=body).status_code == 403
    assert listener.patch(here, json=body, params={"update_mask": "note"}).status_code == 403
    assert airflow.http.get(f"dags/ingest/dagRuns/{run_id}").json() == before


@pytest.mark.parametrize("how", ["clear", "bulk"])
def test_a_request_on_the_heels_of_a_note_gets_nothing_from_it(
    how: str, airflow: Airflow, listener: httpx.Client, run_id: str
) -> None:
    airflow.mark("ingest", run_id, "success")
    here = "/api/v2/dags/ingest/dagRuns"
    bulk = {
        "actions": [
            {"action": "update", "entities": [{"dag_run_id": run_id, "state": "failed"}], "update_mask": ["state"]}
        ]
    }
    second = {
        "clear": ("POST", f"{here}/{run_id}/clear", {"dry_run": False}),
        "bulk": ("PATCH", here, bulk),
    }[how]
    note = ("PATCH", f"{here}/{run_id}", {"note": "3C48"})
    answers = pipelined(listener, note, second)
    assert [line.split()[1] for line in answers] == ["200", "403"]
    assert airflow.runs_of("290101001")[run_id] == "success"


def pipelined(listener: httpx.Client, *requests: tuple[str, str, object]) -> list[str]:
    """Send requests at once on one connection, as no library does; return the status line of each response."""
    url, authorization = listener.base_url, listener.headers["Authorization"]
    sent = b""
    for number, (method, path, body) in enumerate(requests, start=1):
        content = json.dumps(body)
        last = "Connection: close\r\n" if number == len(requests) else ""
        sent += (
            f"{method} {path} HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: {authorization}\r\n{last}"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n{content}"
        ).encode()
    with socket.create_connection((url.host, url.port), timeout=60) as connection:
        connection.sendall(sent)
        received = b""
        while more := connection.recv(65536):
            received += more
    return re.findall(r"HTTP/1\.1 \d+[^\r]*", received.decode(errors="replace"))


@pytest.mark.parametrize("dag_id", ["operate", "reconcile", "listen", "no_such_dag"])
def test_it_creates_no_run_of_another_dag(dag_id: str, airflow: Airflow, listener: httpx.Client) -> None:
    answer = listener.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})
    assert answer.status_code == 403


def test_it_writes_no_note_on_a_run_of_another_dag(airflow: Airflow, listener: httpx.Client) -> None:
    made = airflow.http.post("dags/reconcile/dagRuns", json={"logical_date": None}).json()["dag_run_id"]
    assert listener.patch(f"/api/v2/dags/reconcile/dagRuns/{made}", json={"note": "x"}).status_code == 403


BULK = {"actions": [{"action": "delete", "entities": ["ingest"]}]}


def test_every_other_way_to_change_something_is_refused(
    airflow: Airflow, listener: httpx.Client, run_id: str
) -> None:
    """Try each operation of Airflow's API except GET, on existing objects, with a body that it would accept."""
    backfill = {"dag_id": "reconcile", "from_date": "2026-02-01T00:00:00Z", "to_date": "2026-02-01T00:01:00Z"}
    known = {
        "dag_id": "ingest",
        "dag_run_id": run_id,
        "task_id": "ingest",
        "map_index": "-1",
        "pool_name": "ingest",
        "connection_id": "atdb_default",
        "backfill_id": str(airflow.http.post("backfills", json=backfill).json()["id"]),
        "file_token": airflow.http.get("dags/ingest/details").json()["file_token"],
    }
    bodies = {
        "/api/v2/connections": BULK,
        "/api/v2/pools": BULK,
        "/api/v2/variables": BULK,
        "/api/v2/dags/{dag_id}/dagRuns": BULK,
        "/api/v2/connections/enqueue-test": {"connection_id": "atdb_default", "conn_type": "http"},
        "/api/v2/dags/{dag_id}/clearDagRuns": {"dag_runs": [{"dag_run_id": run_id}]},
    }
    allowed = {("post", "/api/v2/dags/{dag_id}/dagRuns"), ("patch", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}")}
    reached, tried = {}, 0
    for path, methods in listener.get("/openapi.json").json()["paths"].items():
        if not path.startswith(("/api/", "/ui/")):
            continue
        address = re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], "1"), path)
        for method in set(methods) & {"post", "put", "patch", "delete"}:
            if (method, path) in allowed:
                continue
            tried += 1
            answer = listener.request(method, address, json=bodies.get(path, {}))
            # Airflow hides a backfill from users without access to it: this one exists.
            refusal = 404 if "{backfill_id}" in path else 403
            if answer.status_code != refusal:
                reached[method, path] = (answer.status_code, answer.text[:200])
    assert tried > 40
    assert reached == {}


def test_the_other_roles_are_as_they_were(airflow: Airflow, run_id: str) -> None:
    login = {"username": "reconcile", "password": airflow.password}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{airflow.url}/api/v2/", headers=headers, timeout=30) as viewer:
        assert viewer.get("dags/ingest/dagRuns").status_code == 200
        assert viewer.post("dags/ingest/dagRuns", json=RUN).status_code == 403
        assert viewer.patch(f"dags/ingest/dagRuns/{run_id}", json={"note": "x"}).status_code == 403
        assert viewer.post("dags/ingest/clearTaskInstances", json={}).status_code == 403
    assert airflow.http.patch(f"dags/ingest/dagRuns/{run_id}", json={"state": "failed"}).status_code == 200
