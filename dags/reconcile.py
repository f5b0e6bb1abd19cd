"""# reconcile
Compares ATDB, every minute, with Airflow's runs, the telescope, the data disks and the archive. It repairs what is
safe, and raises an event in ATDB for everything else and for each overdue observation.

Safety limit: if too much disagrees at once, a task changes nothing and fails; its log and an event show why. If
the findings are true, trigger the DAG with a higher `brake_percent`; 100 switches the limit off."""

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
            description="The safety limit: the maximum of findings, in percent of the compared observations.",
        ),
        "brake_floor": Param(10, type="integer", minimum=1, description="Fewer findings never exceed the limit."),
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
