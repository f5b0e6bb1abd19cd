"""# remove
Deletes from the data host what the archive holds, verified again: `archived` → `removing` → `removed`, or
`remove error`. One run an observation; clear a failed run to try again. A run by hand for a partition key with the
parameter `dry_run` only writes into its log what would be deleted, and what would stay and why."""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, PartitionedAtRuntime

from operators.attempts import attempt_limits
from operators.dag_arguments import dag_arguments
from operators.stages.remove import RemoveProductsOperator

with DAG(
    "remove",
    doc_md=__doc__,
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    params={"dry_run": Param(False, type="boolean", description="Only tell what would be deleted")},
    **dag_arguments("remove"),
    tags=["atdb", "stage"],
):
    RemoveProductsOperator(task_id="remove", pool="remove", **attempt_limits())
