"""Reconcile on the whole stack: Airflow accepts its account, and lost work continues within seconds."""

import httpx
import pytest

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_plugins.dispatch import CONSUMER
from standalone.credentials import Credentials
from standalone.stack.stack import Stack
from tests.e2e.test_stack import status_is, submit, wait_for

pytestmark = pytest.mark.timeout(600)


def test_lost_work_and_a_claim_without_a_run_are_made_good_long_before_their_time_is_up(
    stack: Stack, credentials: Credentials, atdb: Client, airflow: httpx.Client
) -> None:
    # While its DAG is paused, listen claims nothing for ingest.
    assert airflow.patch("dags/ingest", json={"is_paused": True}).is_success
    try:
        lost, claimed = submit(atdb, "LOST", after_seconds=8), submit(atdb, "CLAIMED", after_seconds=8)
        for task_id in (lost, claimed):
            wait_for(status_is(atdb, task_id, Status.VALID))
        # Leases and claims belong to an account: these are Airflow's.
        with Client(stack.settings.atdb_url, user="airflow", secret=credentials.atdb["airflow"]) as tasks:
            tasks.move(lost, Status.INGESTING, owner=f"ingest/{lost}-ingest-99", lease_seconds=3600)
            # As of a listener whose database was replaced: it does not know this claim.
            request = ClaimRequest(id="unknown to listen", consumer=CONSUMER, statuses=[Status.VALID])
            assert claimed in [task.taskID for task in tasks.claim(request).tasks]
    finally:
        assert airflow.patch("dags/ingest", json={"is_paused": False}).is_success
    for task_id in (lost, claimed):
        wait_for(status_is(atdb, task_id, Status.REMOVED), 240)
    seen = {service.name: service.detail for service in atdb.services()}
    assert seen["airflow reconcile"].startswith("Has compared ")
    assert {disk.data_host for disk in atdb.disks()} >= {"arts001"}
