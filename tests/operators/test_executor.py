"""Airflow's executor has what the tasks import."""

import subprocess
import sys

from operators.executor import PreloadedLocalExecutor

_LOADED = """
import sys
from airflow.executors.local_executor import LocalExecutor
from operators.executor import PreloadedLocalExecutor
LocalExecutor.start = lambda self: print(*sorted(sys.modules))
PreloadedLocalExecutor(parallelism=1).start()
"""


def test_the_operators_are_in_memory_before_the_workers_begin() -> None:
    """In a process of its own: the tests have imported them too."""
    run = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert {"operators.validate", "operators.ingest", "operators.observe", "operators.reconcile.disks"} <= loaded
    assert "airflow.sdk.execution_time.task_runner" in loaded
    assert "atdb_api" not in loaded


def test_it_is_airflows_own_executor_otherwise() -> None:
    assert set(vars(PreloadedLocalExecutor)) & {"sync", "execute_async", "end", "_process_workloads"} == set()
