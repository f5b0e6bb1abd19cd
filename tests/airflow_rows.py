"""Create rows of past runs in Airflow's database, by SQL."""

from datetime import datetime
from typing import Any

#: Each run has two tasks. Each task has a failed first attempt, and an XCom value.
TASKS = ("start", "work")
#: The number of rows that `fill` creates per run, by table.
PER_RUN = {"dag_run": 1, "task_instance": 2, "task_instance_history": 2, "xcom": 2, "log": 3}

_RUNS = """
insert into dag_run (dag_id, run_id, run_type, state, run_after, queued_at, start_date, end_date, creating_job_id)
select %(dag_id)s, %(prefix)s || n, %(run_type)s, %(state)s, t, t, t, t + interval '1 minute', 1
from generate_series(1, %(runs)s) as n
cross join lateral (
    select %(first)s::timestamptz + (%(last)s::timestamptz - %(first)s::timestamptz) * n / %(runs)s as t
) as moment"""
_TASKS = """
insert into task_instance (id, task_id, dag_id, run_id, state, try_number, max_tries, pool, pool_slots, start_date)
select gen_random_uuid(), task, dag_id, run_id, %(task_state)s, 2, 1, 'default_pool', 1, start_date
from dag_run, unnest(%(tasks)s) as task where dag_id = %(dag_id)s and run_id like %(prefix)s || '%%'"""
_HISTORY = """
insert into task_instance_history
    (task_instance_id, task_id, dag_id, run_id, map_index, state, try_number, pool, pool_slots, start_date)
select gen_random_uuid(), task_id, dag_id, run_id, map_index, 'failed', 1, pool, 1, start_date
from task_instance where dag_id = %(dag_id)s and run_id like %(prefix)s || '%%'"""
_XCOM = """
insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
select run.id, task_id, map_index, 'return_value', run.dag_id, run.run_id, '1', task.start_date
from task_instance as task join dag_run as run on run.dag_id = task.dag_id and run.run_id = task.run_id
where run.dag_id = %(dag_id)s and run.run_id like %(prefix)s || '%%'"""
_LOG = """
insert into log (dttm, dag_id, task_id, run_id, event)
select start_date, dag_id, event, run_id, event from dag_run, unnest(array['running', 'success', 'clear']) as event
where dag_id = %(dag_id)s and run_id like %(prefix)s || '%%'"""


def fill(
    cursor: Any,
    *,
    dag_id: str,
    runs: int,
    first: datetime,
    last: datetime,
    run_type: str = "manual",
    state: str = "success",
    prefix: str = "run-",
) -> None:
    """Create runs that began at even intervals between two moments, with all their rows."""
    values = {
        **{"dag_id": dag_id, "runs": runs, "first": first, "last": last, "prefix": prefix},
        **{"run_type": run_type, "state": state, "tasks": list(TASKS)},
        "task_state": "success" if state == "success" else "deferred",
    }
    for statement in (_RUNS, _TASKS, _HISTORY, _XCOM, _LOG):
        cursor.execute(statement, values)
