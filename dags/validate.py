"""# validate
Checks that each data product is there and computes its checksum. There is one run per observation. To check
again what was incomplete, clear the run."""

from datetime import UTC, datetime

from airflow.sdk import DAG, PartitionedAtRuntime

from atdb_interface.lifecycle import Actor
from operators.attempts import attempt_limits
from operators.dag_arguments import dag_arguments, stage_document
from operators.stages.validate import ValidateProductsOperator

with DAG(
    "validate",
    doc_md=stage_document(__doc__, Actor.VALIDATE),
    schedule=PartitionedAtRuntime(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=64,
    **dag_arguments("validate"),
    tags=["atdb", "stage"],
):
    ValidateProductsOperator(task_id="validate", pool="validate", **attempt_limits())
