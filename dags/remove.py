"""# remove
Deletes from the data host what the archive holds, verified again: `archived` → `removing` → `removed`, or
`remove error`. One run an observation; clear a failed run to try again."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable

from atdb_interface.lifecycle import REMOVE
from operators.listen import status_asset
from operators.remove import RemoveOperator

with DAG(
    "remove",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=status_asset(REMOVE.source)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    tags=["atdb", "stage"],
):
    RemoveOperator(task_id="remove", retries=2, retry_delay=timedelta(seconds=5))
