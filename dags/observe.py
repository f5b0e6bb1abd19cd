"""# observe
Starts the telescope and follows the observation. There is one run per observation. A cancel reaches the
telescope within seconds.

To start an observation after an error, fix the cause, then clear the run. If the telescope already has the
observation, the run continues with it; it is never started twice."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, PartitionedAtRuntime

from atdb_interface.lifecycle import Actor
from operators.dag_arguments import dag_arguments, stage_document
from operators.stages.observe import CompleteObservationOperator, RunObservationOperator, StartObservationOperator

with DAG(
    "observe",
    doc_md=stage_document(__doc__, Actor.OBSERVE),
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    max_active_tasks=64,
    **dag_arguments("observe", retries=5, retry_delay=timedelta(seconds=5), pool="telescope", queue="telescope"),
    tags=["atdb", "stage"],
):
    (
        StartObservationOperator(task_id="start")
        >> RunObservationOperator(task_id="run")
        >> CompleteObservationOperator(task_id="complete")
    )
