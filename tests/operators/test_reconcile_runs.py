"""Work in ATDB, compared with Airflow's runs: a real Airflow API, queried with a read-only account."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.times import CLAIM_SECONDS
from atdb_plugins.airflow_api import AirflowApiError
from atdb_plugins.hooks.airflow import AirflowHook
from operators.reconcile.compare_runs import CompareRunsOperator
from operators.reconcile.safety_limit import SafetyLimit
from standalone.settings import HOST
from tests.airflow_serving import Airflow
from tests.conftest import free_ports
from tests.operators.contexts import Context

Observe = Callable[..., Observation]
BRAKE = SafetyLimit(percent=1.0, floor=10)
RUN_OVERDUE = timedelta(seconds=70)


def use_airflow(monkeypatch: pytest.MonkeyPatch, url: str, password: str) -> None:
    login = {"conn_type": "http", "host": url, "login": "reconcile", "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(login))


@pytest.fixture
def airflow(airflow_server: Airflow, context: Context, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    use_airflow(monkeypatch, airflow_server.url, airflow_server.password)
    return airflow_server


def compare(client: Client, now: datetime | None = None) -> None:
    CompareRunsOperator(task_id="compare_runs").compare(client, BRAKE, now or datetime.now(UTC))


def seconds_left(client: Client, made: Observation) -> float:
    lease = next(client.leases(taskID=made.taskID))
    return (lease.expires_at - datetime.now(UTC)).total_seconds()


def claim(client: Client, *made: Observation) -> None:
    request = ClaimRequest(
        id=f"listen/{made[0].taskID}/{time.monotonic()}",
        consumer="airflow",
        statuses=[made[0].my_status],
        lease_seconds=CLAIM_SECONDS,
    )
    assert {task.taskID for task in client.claim(request).tasks} == {each.taskID for each in made}


@pytest.mark.timeout(600)
def test_airflow_reports_its_runs(airflow: Airflow) -> None:
    hook = AirflowHook()
    over, queued = airflow.run("ingest", "190405001", state="failed"), airflow.run("ingest", "190405002")
    active = {run.run_id: run.partition_key for run in hook.active_runs("ingest")}
    assert active[queued] == "190405002"
    assert over not in active
    assert (hook.state("ingest", over), hook.state("ingest", queued)) == ("failed", "queued")
    assert hook.state("ingest", "asset_triggered__2026-04-05T06:00:00+00:00_x") is None
    assert hook.state("no_such_dag", over) is None
    assert hook.active_runs("no_such_dag") == []
    assert not hook.is_paused("ingest")


def test_more_runs_than_fit_on_a_page_are_all_found(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {airflow.run("remove", f"19040600{number}") for number in range(5)}
    monkeypatch.setattr("atdb_plugins.hooks.airflow._PAGE", 2)
    assert made <= {run.run_id for run in AirflowHook().active_runs("remove")}


def test_work_whose_run_is_over_is_given_to_another_at_once(
    client: Client, observe: Observe, airflow: Airflow
) -> None:
    ended, unknown, goes_on, program, odd = (observe(Status.VALID) for _ in range(5))
    owners = {
        ended.taskID: f"ingest/{airflow.run('ingest', ended.taskID, state='failed')}",
        unknown.taskID: "ingest/asset_triggered__2026-04-05T06:00:00+00:00_x",
        goes_on.taskID: f"ingest/{airflow.run('ingest', goes_on.taskID)}",
        program.taskID: "atdb_ingest/ada@wcudata1/17",
        odd.taskID: "ingest/../17",
    }
    for task_id, owner in owners.items():
        client.move(task_id, Status.INGESTING, owner=owner, lease_seconds=3600)
    compare(client)
    assert seconds_left(client, ended) < 10
    assert seconds_left(client, unknown) < 10
    assert seconds_left(client, goes_on) > 3000
    assert seconds_left(client, program) > 3000
    assert seconds_left(client, odd) > 3000
    deadline = time.monotonic() + 10
    while client.count_waiting([Status.INGESTING]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert {client.observation(task_id).my_status for task_id in owners} == {Status.INGESTING}
    assert list(client.events()) == []


def test_an_airflow_that_cannot_be_asked_is_not_one_that_knows_nothing(
    client: Client, observe: Observe, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = observe(Status.VALID)
    client.move(held.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=3600)
    waits = observe(Status.ARCHIVED)
    claim(client, waits)
    later = datetime.now(UTC) + RUN_OVERDUE
    monkeypatch.delenv("AIRFLOW_CONN_AIRFLOW_API", raising=False)
    compare(client, later)
    use_airflow(monkeypatch, f"http://{HOST}:{free_ports(1)[0]}", "does not respond")
    compare(client, later)
    assert seconds_left(client, held) > 3000
    assert client.observation(waits.taskID).claimed_until is not None


def test_a_wrong_password_and_a_server_that_is_no_airflow_are_errors(
    url: str, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_airflow(monkeypatch, airflow.url, "wrong")
    with pytest.raises(AirflowApiError, match=r"refused the login of reconcile \(HTTP 401\)"):
        AirflowHook().state("ingest", "run 1")
    use_airflow(monkeypatch, url, "wrong")
    with pytest.raises(AirflowApiError):
        AirflowHook().state("ingest", "run 1")


def test_a_claim_of_which_no_run_came_is_released_after_a_minute(
    client: Client, observe: Observe, airflow: Airflow
) -> None:
    unheard, heard = observe(Status.VALID), observe(Status.VALID)
    claim(client, unheard, heard)
    airflow.run("ingest", heard.taskID)
    compare(client)
    assert client.count_waiting([Status.VALID]) == 0
    compare(client, datetime.now(UTC) + RUN_OVERDUE)
    assert client.observation(unheard.taskID).claimed_until is None
    assert client.observation(heard.taskID).claimed_until is not None
    assert client.count_waiting([Status.VALID]) == 1


def test_a_claim_for_a_paused_dag_is_kept_until_the_dag_resumes(
    client: Client, observe: Observe, airflow: Airflow
) -> None:
    made = observe(Status.ARCHIVED)
    claim(client, made)
    later = datetime.now(UTC) + RUN_OVERDUE
    airflow.pause("remove", paused=True)
    try:
        compare(client, later)
        assert client.observation(made.taskID).claimed_until is not None
    finally:
        airflow.pause("remove", paused=False)
    compare(client, later)
    assert client.observation(made.taskID).claimed_until is None


def test_an_owner_of_another_account_is_no_run_whatever_its_name(
    client: Client, worker: Client, observe: Observe, airflow: Airflow
) -> None:
    ended = airflow.run("ingest", (made := observe(Status.VALID)).taskID, state="failed")
    worker.move(made.taskID, Status.INGESTING, owner=f"ingest/{ended}", lease_seconds=3600)
    compare(client)
    assert seconds_left(client, made) > 3000
    compare(worker)
    assert seconds_left(client, made) < 10
