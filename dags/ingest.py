"""# ingest
Copies every valid data product into the archive and verifies it there: `valid` → `ingesting` → `archived`, or
`ingest error`. One run an observation; clear a failed run to ingest what is missing."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable

from atdb_interface.lifecycle import INGEST
from operators.ingest import IngestOperator
from operators.listen import status_asset

with DAG(
    "ingest",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=status_asset(INGEST.source)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    tags=["atdb", "stage"],
):
    IngestOperator(task_id="ingest", retries=2, retry_delay=timedelta(seconds=5))
