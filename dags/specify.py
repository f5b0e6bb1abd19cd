"""# specify
Creates the data products of a new observation and schedules it. There is one run per observation."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, PartitionedAtRuntime

from atdb_interface.lifecycle import Actor
from operators.dag_arguments import dag_arguments, stage_document
from operators.stages.specify import SpecifyObservationOperator

with DAG(
    "specify",
    doc_md=stage_document(__doc__, Actor.SPECIFY),
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    **dag_arguments("specify"),
    tags=["atdb", "stage"],
):
    SpecifyObservationOperator(task_id="specify", pool="specify", retries=2, retry_delay=timedelta(seconds=5))
