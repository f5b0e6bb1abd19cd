"""What only the whole stack shows of reconcile: that Airflow lets it in, and that lost work goes on in seconds."""

import time

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.stack import Stack
from tests.e2e.test_stack import submit, wait_for

pytestmark = pytest.mark.timeout(600)


def test_lost_work_and_dropped_events_are_made_good_long_before_their_time_is_up(
    stack: Stack, atdb: Client, airflow: httpx.Client
) -> None:
    # Where an asset's DAG is paused, Airflow drops its events.
    assert airflow.patch("dags/ingest", json={"is_paused": True}).is_success
    try:
        lost, dropped = submit(atdb, "LOST", after_seconds=8), submit(atdb, "DROPPED", after_seconds=8)
        for task_id in (lost, dropped):
            wait_for(lambda task_id=task_id: atdb.observation(task_id).claimed_until is not None)
            wait_for(lambda task_id=task_id: atdb.observation(task_id).my_status is Status.VALID)
            wait_for(lambda task_id=task_id: atdb.observation(task_id).claimed_until is not None)
        time.sleep(3)
        atdb.move(
            lost,
            Status.INGESTING,
            owner="ingest/asset_triggered__2026-01-01T00:00:00+00:00_lost",
            lease_seconds=3600,
        )
    finally:
        assert airflow.patch("dags/ingest", json={"is_paused": False}).is_success
    for task_id in (lost, dropped):
        wait_for(lambda task_id=task_id: atdb.observation(task_id).my_status is Status.REMOVED, 240)
    seen = {service.name: service.detail for service in atdb.services()}
    assert seen["airflow reconcile"].startswith("has compared ")
    assert {disk.data_host for disk in atdb.disks()} >= {"arts001"}
