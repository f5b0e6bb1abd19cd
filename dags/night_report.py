"""# night_report
Reports the night that ends at the report hour (`ATDB_REPORT_HOUR`, UTC): what was observed, what failed and why,
what waits and for how long, the data that came and left, the slowest stages, and a forecast of each disk.

ATDB stores the report, which then never changes. For another night, trigger the DAG with the day on which that
night began. The queries are in `sql/night_report/`; they read the schema `reports` (docs/reports.md)."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from atdb_interface.nights import report_hour
from operators.dag_arguments import dag_arguments
from operators.night_report.operator import StoreNightReportOperator

with DAG(
    "night_report",
    doc_md=__doc__,
    # Five minutes later, when the last transactions of the night have ended.
    schedule=f"5 {report_hour()} * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={
        "night": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The day on which the night began; empty for the last one that has ended.",
        ),
    },
    **dag_arguments("night_report", retries=6, retry_delay=timedelta(minutes=5)),
    tags=["atdb"],
):
    StoreNightReportOperator(task_id="report")
