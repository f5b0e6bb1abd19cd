"""Create many runs in Airflow's database, as after a long time of work."""

from contextlib import closing
from typing import Any

_COPY = """
insert into dag_run ({columns})
select {values} from dag_run, generate_series(0, {number} - 1) as n where run_id = %s and dag_id = %s
"""
_OF_EACH = {
    "run_id": "({first} + n) || '-' || dag_id || '-1'",
    "partition_key": "({first} + n)::text",
    "state": "'success'",
    "start_date": "now() - n * interval '1 minute'",
    "end_date": "now() - n * interval '1 minute' + interval '20 seconds'",
    "run_after": "now() - n * interval '1 minute'",
    "queued_at": "now() - n * interval '1 minute'",
}


def copy_run(connection: Any, dag_id: str, run_id: str, *, first: int, number: int) -> None:
    """Copy a run for observations whose taskIDs begin at `first`; each run is named `<taskID>-<stage>-1`."""
    with closing(connection) as opened, opened, opened.cursor() as cursor:
        cursor.execute("select column_name from information_schema.columns where table_name = 'dag_run'")
        columns = sorted({name for (name,) in cursor.fetchall()} - {"id"})
        values = ", ".join(_OF_EACH.get(name, f'"{name}"').format(first=first) for name in columns)
        named = ", ".join(f'"{name}"' for name in columns)
        cursor.execute(_COPY.format(columns=named, values=values, number=number), (run_id, dag_id))
