"""# reconcile
Every minute: work whose owner is lost and that may not be resumed goes to its error status, and observations that
nobody watches any more are ended."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from operators.reconcile import ReconcileOperator

with DAG(
    "reconcile",
    doc_md=__doc__,
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["atdb"],
):
    ReconcileOperator(task_id="reconcile", retries=2, retry_delay=timedelta(seconds=5))
