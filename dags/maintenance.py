"""# maintenance
Deletes, every day, data that are older than their retention:

- rows of Airflow's own tables
- Airflow's logs
- ended sessions, used idempotency keys and expired claims of ATDB

The retentions are settings: see the section Maintenance of docs/operation.md. The history of observations is never
deleted. The log of each task shows what was deleted.

The tasks are independent: if one fails, the others continue. They run one at a time, after all other work that
waits for a worker."""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable

from operators.dag_arguments import dag_arguments
from operators.maintenance import retention
from operators.maintenance.airflow_tables import CleanAirflowTablesOperator
from operators.maintenance.expired_rows import DeleteExpiredRowsOperator
from operators.maintenance.old_logs import DeleteOldLogsOperator

with DAG(
    "maintenance",
    doc_md=__doc__,
    # Without a start date, the first run waits for its hour, so a new stack does not start with maintenance.
    schedule=CronTriggerTimetable("30 10 * * *", timezone="UTC", run_immediately=timedelta(minutes=1)),
    catchup=False,
    max_active_runs=1,
    template_searchpath=[str(Path(__file__).parents[1] / "sql" / "maintenance")],
    **dag_arguments(
        "maintenance",
        pool="maintenance",
        priority_weight=-1000,
        weight_rule="absolute",
        retries=2,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=1),
    ),
    tags=["atdb"],
):
    DeleteExpiredRowsOperator(
        task_id="sessions", rows="ended sessions", sql="sessions.sql", retention=retention.SESSIONS
    )
    DeleteExpiredRowsOperator(
        task_id="idempotency_keys",
        rows="used idempotency keys",
        sql="idempotency_keys.sql",
        retention=retention.IDEMPOTENCY_KEYS,
    )
    DeleteExpiredRowsOperator(
        task_id="claims", rows="expired claims", sql="claims.sql", retention=retention.CLAIMS
    )
    DeleteOldLogsOperator(task_id="logs")
    CleanAirflowTablesOperator(task_id="airflow_tables")
