"""# remove
Deletes data from the data host after their copies in the archive were verified again. There is one run per
observation. To continue after an error, fix the cause, then clear the run.

A run with the parameter `dry_run` deletes nothing: its log shows what would be deleted, and what would stay and
why. Trigger it with a taskID as the partition key."""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, PartitionedAtRuntime

from atdb_interface.lifecycle import Actor
from operators.attempts import attempt_limits
from operators.dag_arguments import dag_arguments, stage_document
from operators.stages.remove import RemoveProductsOperator

with DAG(
    "remove",
    doc_md=stage_document(__doc__, Actor.REMOVE),
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    params={"dry_run": Param(False, type="boolean", description="Only show in the log what would be deleted.")},
    **dag_arguments("remove"),
    tags=["atdb", "stage"],
):
    RemoveProductsOperator(task_id="remove", pool="remove", **attempt_limits())
