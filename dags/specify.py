"""# specify
Gives a specification its data products: `defined` → `scheduled`. One run an observation."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable

from atdb_interface.lifecycle import SPECIFY
from operators.listen import status_asset
from operators.owner import owned
from operators.specify import SpecifyOperator

with DAG(
    "specify",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=status_asset(SPECIFY.source)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    **owned("specify"),
    tags=["atdb", "stage"],
):
    SpecifyOperator(task_id="specify", retries=2, retry_delay=timedelta(seconds=5))
