"""# reconcile
Every minute: compares ATDB with Airflow's runs, the telescope, the data disks and the archive. What is safe to put
right is put right; what is not is told as an event in ATDB, and so is what has its status for too long.

Where too much disagrees at once, a task stops itself, changes nothing and fails: its log and the event say why. If
the findings are true, run the DAG by hand with a higher `brake_percent`; 100 lets everything through."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from operators.dag_arguments import dag_arguments
from operators.reconcile.compare_data import CompareDataOperator
from operators.reconcile.compare_runs import CompareRunsOperator
from operators.reconcile.overdue import ReportOverdueOperator
from operators.reconcile.run_requests import RecordRunRequestsOperator

with DAG(
    "reconcile",
    doc_md=__doc__,
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "brake_percent": Param(
            1.0,
            type="number",
            minimum=0,
            maximum=100,
            description="A task stops itself above so many findings, in percent of the observations it looked at.",
        ),
        "brake_floor": Param(10, type="integer", minimum=1, description="Fewer findings never stop it."),
    },
    **dag_arguments(
        "reconcile", retries=1, retry_delay=timedelta(seconds=5), execution_timeout=timedelta(minutes=2)
    ),
    tags=["atdb"],
):
    RecordRunRequestsOperator(task_id="audit_runs")
    CompareRunsOperator(task_id="compare_runs")
    CompareDataOperator(task_id="compare_data")
    ReportOverdueOperator(task_id="overdue")
