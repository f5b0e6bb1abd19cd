"""What an operator finds about a failed task: the reason in Airflow's log, and in ATDB who ran it again."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.events import EventKind
from atdb_interface.lifecycle import Status
from standalone.settings import Settings
from tests.e2e.test_clears import is_run_over
from tests.e2e.test_stack import run_of, submit, wait_for

pytestmark = pytest.mark.timeout(600)


def logged(airflow: httpx.Client, path: str, attempt: int) -> list[dict[str, Any]]:
    answer = airflow.get(f"{path}/taskInstances/start/logs/{attempt}", headers={"Accept": "application/json"})
    return [line for line in answer.json()["content"] if "level" in line]


def test_the_log_ends_on_what_to_do_and_the_history_says_who_did_it(
    atdb: Client, airflow: httpx.Client, settings: Settings
) -> None:
    task_id = submit(atdb, "TOO_LATE", after_seconds=-7200)
    wait_for(lambda: atdb.observation(task_id).my_status is Status.ERROR_TOO_LATE, 240)
    run_id = run_of(atdb, task_id, "observe")
    path = f"dags/observe/dagRuns/{quote(run_id, safe='')}"
    wait_for(lambda: is_run_over(airflow, path), 120)
    errors = [line for line in logged(airflow, path, 1) if line["level"] == "error"]
    ours, airflows = errors
    assert ours["logger"] == "operators.failures"
    assert ours["event"].startswith(f"observe of {task_id} (task start) failed: ")
    assert ours["event"].endswith(f"clear this run: {settings.atdb_url}/tasks/{task_id}/")
    assert airflows["event"] == "Task failed with exception"
    assert airflows["error_detail"]

    airflow.post(f"{path}/clear", json={"dry_run": False}).raise_for_status()
    wait_for(lambda: any(atdb.rows("events", kind=EventKind.RUN, taskID=task_id)), 150)
    detail = next(iter(atdb.rows("events", kind=EventKind.RUN, taskID=task_id)))["detail"]
    assert detail.startswith("admin asked Airflow at ")
    assert detail.endswith(f" to clear run observe/{run_id}")
