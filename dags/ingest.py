"""# ingest
Copies every valid data product into the archive and verifies it there. There is one run per observation. To
ingest what is missing after an error, fix the cause, then clear the run."""

from datetime import UTC, datetime

from airflow.sdk import DAG, PartitionedAtRuntime

from atdb_interface.lifecycle import Actor
from operators.attempts import attempt_limits
from operators.dag_arguments import dag_arguments, stage_document
from operators.stages.ingest import IngestProductsOperator

with DAG(
    "ingest",
    doc_md=stage_document(__doc__, Actor.INGEST),
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    **dag_arguments("ingest"),
    tags=["atdb", "stage"],
):
    IngestProductsOperator(task_id="ingest", pool="ingest", **attempt_limits())
