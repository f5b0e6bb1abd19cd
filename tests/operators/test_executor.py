"""Airflow's executor has what the tasks import, and lets go of what a killed scheduler had."""

import os
import socket
import subprocess
import sys
from contextlib import closing

from operators.executor import PreloadedLocalExecutor
from standalone.stack import database
from standalone.stack.programs import airflow_environment
from tests.conftest import Postgres

#: In a process of its own: the tests have imported the operators too. The executor's number is that of its job.
_STARTED = """
import sys
from airflow.executors.local_executor import LocalExecutor
from operators.executor import PreloadedLocalExecutor
LocalExecutor.start = lambda self: print(*sorted(sys.modules))
executor = PreloadedLocalExecutor(parallelism=1)
executor.job_id = 4
executor.start()
"""
_JOBS = """
insert into job (id, job_type, state, hostname, latest_heartbeat) values
    (1, 'SchedulerJob', 'running', %(here)s, now()), (2, 'SchedulerJob', 'running', 'elsewhere', now()),
    (3, 'TriggererJob', 'running', %(here)s, now()), (4, 'SchedulerJob', 'running', %(here)s, now()),
    (5, 'SchedulerJob', 'success', %(here)s, now())
"""


def started(airflow: Postgres) -> set[str]:
    """Start the executor of a scheduler, and return the modules that its workers have in memory."""
    environment = os.environ | airflow_environment(airflow.settings, airflow.credentials)
    run = subprocess.run(
        [sys.executable, "-c", _STARTED], capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_operators_are_in_memory_before_the_workers_begin(airflow: Postgres) -> None:
    loaded = started(airflow)
    assert {
        "operators.stages.validate",
        "operators.stages.ingest",
        "operators.stages.observe",
        "operators.reconcile.disks",
    } <= loaded
    assert "airflow.sdk.execution_time.task_runner" in loaded
    assert "atdb_api" not in loaded


def test_the_tasks_of_a_scheduler_killed_on_this_host_are_orphans_at_once(airflow: Postgres) -> None:
    with closing(database.connect(airflow.settings, airflow.credentials, "airflow")) as opened:
        opened.autocommit = True
        cursor = opened.cursor()
        cursor.execute("delete from job")
        cursor.execute(_JOBS, {"here": socket.gethostname()})
        started(airflow)
        cursor.execute("select id, state from job order by id")
        states = cursor.fetchall()
        cursor.execute("delete from job")
    assert states == [(1, "failed"), (2, "running"), (3, "running"), (4, "running"), (5, "success")]


def test_it_is_airflows_own_executor_otherwise() -> None:
    assert set(vars(PreloadedLocalExecutor)) & {"sync", "execute_async", "end", "_process_workloads"} == set()
