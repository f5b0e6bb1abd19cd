"""Actions of operators, in ATDB or in Airflow, reach the telescope and the runs."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.credentials import Credentials
from standalone.settings import Settings
from tests.e2e.test_stack import run_of, run_state, status_is, submit, wait_for

pytestmark = pytest.mark.timeout(400)

#: The documents promise 10 s; on a machine that runs everything at once, it can take longer.
CANCEL_SECONDS = 20


def states(airflow: httpx.Client, dag_id: str, run_id: str) -> dict[str, str]:
    """Return the state of each task of a run."""
    answer = airflow.get(f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances").json()
    return {task["task_id"]: task["state"] for task in answer["task_instances"]}


def at_the_telescope(settings: Settings, task_id: str) -> str:
    return str(httpx.get(f"{settings.telescope_url}/observations/{task_id}/").json()["state"])


@pytest.mark.parametrize("status", [Status.STARTING, Status.RUNNING])
def test_a_cancel_reaches_the_telescope_in_seconds(
    settings: Settings, atdb: Client, airflow: httpx.Client, status: Status
) -> None:
    later = 45 if status is Status.STARTING else 12
    task_id = submit(atdb, f"CANCEL_{status}", after_seconds=later, duration=600)
    wait_for(lambda: atdb.observation(task_id).my_status is status)
    wait_for(lambda: at_the_telescope(settings, task_id) in ("accepted", "observing"))
    run_id = run_of(atdb, task_id, "observe")
    atdb.act(task_id, Action.CANCEL, reason="thunderstorm")
    wait_for(lambda: at_the_telescope(settings, task_id) == "stopped", CANCEL_SECONDS)
    wait_for(lambda: states(airflow, "observe", run_id)["complete"] == "skipped")
    assert atdb.observation(task_id).my_status is Status.ABORTED


def test_a_cleared_run_waits_again_for_the_report_of_the_data_writer(
    settings: Settings, atdb: Client, airflow: httpx.Client
) -> None:
    task_id = submit(atdb, "AGAIN", duration=45)
    wait_for(lambda: atdb.observation(task_id).my_status is Status.RUNNING)
    atdb.move(task_id, Status.ERROR_NO_COMPLETING, reason="tried by hand")
    wait_for(lambda: run_state(airflow, atdb, task_id, "observe") == "failed")
    run_id = run_of(atdb, task_id, "observe")
    cleared = airflow.post(
        f"dags/observe/dagRuns/{quote(run_id, safe='')}/clear", json={"dry_run": False, "only_failed": True}
    )
    assert cleared.status_code == 200
    wait_for(lambda: atdb.observation(task_id).my_status is Status.RUNNING)
    wait_for(lambda: states(airflow, "observe", run_id)["complete"] == "deferred")
    wait_for(lambda: atdb.observation(task_id).my_status is Status.REMOVED)
    wait_for(lambda: states(airflow, "observe", run_id) == dict.fromkeys(("start", "run", "complete"), "success"))


def test_an_operator_operates_from_airflow(atdb: Client, airflow: httpx.Client) -> None:
    start = datetime.now(UTC) + timedelta(days=1)
    task_ids = [submit(atdb, f"OPERATE_{n}", starttime=start.isoformat()) for n in range(2)]
    conf = {"taskIDs": " ".join(task_ids), "action": "hold", "reason": "thunderstorm"}
    made = airflow.post("dags/operate/dagRuns", json={"logical_date": None, "conf": conf})
    assert made.status_code == 200, made.text
    for task_id in task_ids:
        wait_for(status_is(atdb, task_id, Status.ON_HOLD))
        assert atdb.observation(task_id).status_history[-1].reason == "admin in Airflow: thunderstorm"
    refused = airflow.post("dags/operate/dagRuns", json={"logical_date": None, "conf": {**conf, "reason": " "}})
    assert refused.status_code == 400


def test_airflow_shows_that_it_listens(atdb: Client) -> None:
    wait_for(lambda: any(service.name == "airflow listen" and service.statuses for service in atdb.services()))


def test_reconcile_may_read_airflow_and_change_nothing(settings: Settings, credentials: Credentials) -> None:
    login = {"username": "reconcile", "password": credentials.airflow_ui["reconcile"]}
    token = httpx.post(f"{settings.airflow_url}/auth/token", json=login).json()["access_token"]
    with httpx.Client(
        base_url=f"{settings.airflow_url}/api/v2/", headers={"Authorization": f"Bearer {token}"}
    ) as reader:
        assert reader.get("dags/observe/dagRuns").status_code == 200
        assert reader.post("dags/operate/dagRuns", json={"logical_date": None, "conf": {}}).status_code == 403
