"""# night_report
Creates the report of the night that ends at the report hour (`ATDB_REPORT_HOUR`, UTC):

- what was observed, what failed and why
- which observations are waiting and for how long
- how much data was written, archived and removed
- the slowest stages, and a forecast of each disk

ATDB stores the report, which never changes. To report another night, trigger the DAG with the day on which that
night began. The queries are in `sql/night_report/`; they read the schema `reports` (docs/reports.md)."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from atdb_interface.nights import report_hour
from operators.dag_arguments import dag_arguments
from operators.night_report.operator import StoreNightReportOperator

with DAG(
    "night_report",
    doc_md=__doc__,
    # Five minutes after the night, when its last transactions have ended.
    schedule=f"5 {report_hour()} * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=2,  # reconcile, in the same pool, always has slots
    params={
        "night": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The day on which the night began; empty for the last night that has ended.",
        ),
    },
    **dag_arguments("night_report", retries=6, retry_delay=timedelta(minutes=5)),
    tags=["atdb"],
):
    StoreNightReportOperator(task_id="report")
