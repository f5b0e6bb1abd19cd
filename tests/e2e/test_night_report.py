"""An operator triggers the report of a night in Airflow, and ATDB has it."""

import time
from datetime import UTC, datetime, timedelta

import httpx

from atdb_interface.client import Client
from atdb_interface.nights import Night


def test_a_run_by_hand_reports_the_night_that_it_names_and_again_without_harm(
    airflow: httpx.Client, atdb: Client
) -> None:
    night = Night.last(datetime.now(UTC) - timedelta(days=1), 8).day
    run(airflow, str(night))
    first = atdb.night_report(night)
    assert {disk.data_host for disk in first.disks} <= {"wcudata1", "arts001"}
    assert len(first.stages) == 5
    run(airflow, str(night))
    assert atdb.night_report(night) == first
    run(airflow, None)
    assert Night.last(datetime.now(UTC), 8).day in {each.night for each in atdb.night_reports()}


def run(airflow: httpx.Client, night: str | None) -> None:
    """Trigger the DAG, and wait until the run has succeeded."""
    answer = airflow.post("dags/night_report/dagRuns", json={"logical_date": None, "conf": {"night": night}})
    assert answer.status_code == 200, answer.text
    run_id, deadline = answer.json()["dag_run_id"], time.monotonic() + 120
    while (state := airflow.get(f"dags/night_report/dagRuns/{run_id}").json()["state"]) != "success":
        assert state in ("queued", "running")
        assert time.monotonic() < deadline
        time.sleep(0.5)
