"""Stories of the whole stack, judged only by its databases, disks and archive."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.settings import Settings
from standalone.stack import processes
from standalone.stack.stack import Stack
from tests.specifications import COORDINATES

pytestmark = pytest.mark.timeout(400)

NORMAL_ROUTE = "defined|scheduled|starting|running|completing|checking|valid|ingesting|archived|removing|removed"
SCHEDULE = """#!/bin/bash
# Times of 2019, which a replay shifts to now.
atdb_service --field_name=3C48 --field_ra=24.422081 --field_dec=33.159759 --observing_mode=imaging --starttime='2019-04-08 14:45:00' --duration=60 --data_dir=/data/apertif/ --operation=specification --atdb_host=prod --end_band=24
atdb_service --field_name=R2 --field_ra=24.422081 --field_dec=33.159759 --observing_mode=arts_sc4_survey --science_mode=IAB --starttime='2019-04-08 14:47:00' --duration=60 --data_dir=/data2/output/ --irods_coll=arts_main/arts_sc4 --operation=specification --atdb_host=prod --process_triggers
atdb_service --field_name=J0613-0200 --field_ra=24.422081 --field_dec=33.159759 --observing_mode=arts_sc1_timing --starttime='2019-04-08 14:49:00' --duration=60 --data_dir=/data/01/Timing --ndps=2 --operation=specification --atdb_host=prod
atdb_service --field_name=B0531+21 --field_ra=24.422081 --field_dec=33.159759 --observing_mode=arts_sc1_baseband --starttime='2019-04-08 14:51:00' --duration=60 --data_dir=/data/01/Timing --operation=specification --atdb_host=prod --skip_auto_ingest
"""


def submit(atdb: Client, name: str, *, after_seconds: int = 12, **fields: object) -> str:
    start = datetime.now(UTC) + timedelta(seconds=after_seconds)
    specification = {
        "field_name": name,
        "observing_mode": "arts_sc1_timing",
        **COORDINATES,
        "starttime": start.isoformat(),
        "duration": 2,
        "data_location": "arts001:/data/01/Timing",
    }
    return atdb.create_observation(specification | fields).taskID


def wait_for(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "the condition was not true in time"
        time.sleep(0.5)


def status_is(atdb: Client, task_id: str, status: Status) -> Callable[[], bool]:
    """Return a condition for `wait_for`: the observation has this status."""
    return lambda: atdb.observation(task_id).my_status is status


def sha256_of(path: Path) -> str:
    return subprocess.run(["sha256sum", path], capture_output=True, check=True, text=True).stdout.split()[0]


def test_a_replayed_schedule_arrives_with_every_byte(
    stack: Stack, atdb: Client, commands: dict[str, str], tmp_path: Path
) -> None:
    settings = stack.settings
    schedule = tmp_path / "schedule.sh"
    schedule.write_text(SCHEDULE)
    demo = subprocess.run(
        [sys.executable, "-m", "standalone", "demo", schedule, "--speedup", "30"],
        env=commands,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "4 of 4 observations reached their expected status." in demo.stdout
    assert stack.is_running()
    task_ids = [line.split()[0] for line in demo.stdout.splitlines() if " arts_" in line or " imaging" in line]
    for task_id in task_ids:
        observation = atdb.observation(task_id)
        steps = [step.name for step in observation.status_history]
        kept = observation.skip_auto_ingest
        assert steps == ([*NORMAL_ROUTE.split("|")[:6], "completed"] if kept else NORMAL_ROUTE.split("|"))
        written = json.loads((settings.telescope_state / f"{task_id}.json").read_text())["products"]
        assert len(written) == len(observation.generated_dataproducts) > 0
        assert {p["filename"]: p["checksum"] for p in written} == {
            p.filename: p.checksum for p in atdb.dataproducts(taskID=task_id)
        }
        manifests = list(settings.archive.rglob(f"{task_id}/manifest.json"))
        assert len(manifests) == (0 if kept else 1)
        for product in written if manifests else []:
            place = manifests[0].parent / product["filename"]
            for file in product["files"]:
                assert sha256_of(place / file["path"] if file["path"] else place) == file["sha256"]
    files = [path for path in settings.data.rglob("*") if path.is_file()]
    left = {path.name for path in files if any(task_id in str(path) for task_id in task_ids)}
    assert left == {f"ARTS{task_id}.fits" for task_id in task_ids[-1:]}


def test_a_start_in_the_past_is_too_late(atdb: Client, airflow: httpx.Client) -> None:
    task_id = submit(atdb, "LATE", after_seconds=-3600)
    wait_for(lambda: atdb.observation(task_id).my_status is Status.ERROR_TOO_LATE)
    wait_for(lambda: run_state(airflow, atdb, task_id, "observe") == "failed")


def run_of(atdb: Client, task_id: str, stage: str) -> str:
    """Return the run that owned the last step of this stage."""
    owners = [step.owner or "" for step in atdb.observation(task_id).status_history]
    return next(owner.partition("/")[2] for owner in reversed(owners) if owner.startswith(f"{stage}/"))


def run_state(airflow: httpx.Client, atdb: Client, task_id: str, stage: str) -> str:
    run = airflow.get(f"dags/{stage}/dagRuns/{quote(run_of(atdb, task_id, stage), safe='')}").json()
    assert run["partition_key"] == task_id
    return str(run["state"])


def test_a_failed_ingest_is_repeated_from_airflow_or_from_atdb(
    settings: Settings, atdb: Client, airflow: httpx.Client
) -> None:
    def has_failed(task_id: str) -> bool:
        return run_state(airflow, atdb, task_id, "ingest") == "failed"

    away = settings.archive.with_name("archive.away")
    settings.archive.rename(away)
    try:
        cleared, set_back = submit(atdb, "CLEARED"), submit(atdb, "SET_BACK")
        for task_id in (cleared, set_back):
            wait_for(status_is(atdb, task_id, Status.INGEST_ERROR))
            assert "archive" in atdb.observation(task_id).status_history[-1].reason
            wait_for(partial(has_failed, task_id))
    finally:
        away.rename(settings.archive)
    run = quote(run_of(atdb, cleared, "ingest"), safe="")
    assert airflow.post(f"dags/ingest/dagRuns/{run}/clear", json={"dry_run": False}).status_code == 200
    atdb.change_observation(atdb.observation(set_back).id, new_status="valid")
    for task_id in (cleared, set_back):
        wait_for(status_is(atdb, task_id, Status.REMOVED))


def test_a_run_without_a_taskid_is_refused(airflow: httpx.Client) -> None:
    run = airflow.post("dags/ingest/dagRuns", json={"logical_date": None}).json()["dag_run_id"]
    wait_for(lambda: airflow.get(f"dags/ingest/dagRuns/{quote(run, safe='')}").json()["state"] == "failed")


@pytest.mark.parametrize("name", ["scheduler", "postgres", "supervisord"])
def test_work_in_progress_survives_a_kill(stack: Stack, atdb: Client, name: str) -> None:
    task_ids = [submit(atdb, f"KILL_{name}_{n}", after_seconds=10 + 3 * n) for n in range(5)]
    wait_for(lambda: atdb.count_observations(taskID__in=",".join(task_ids), my_status="starting") > 0)
    time.sleep(8)
    processes.find(stack.settings, name)[0].kill()
    for task_id in task_ids:
        wait_for(status_is(atdb, task_id, Status.REMOVED), 240)
        steps = Counter(step.name for step in atdb.observation(task_id).status_history)
        assert set(steps.values()) == {1}
