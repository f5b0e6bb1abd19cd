"""# listen
Creates a run of a stage's DAG for each observation that waits for the stage. It works in the triggerer, without a
worker. Each day its run ends and the next one starts.

While this DAG is paused, no observation is claimed; while the DAG of a stage is paused, none for that stage."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from operators.dag_arguments import dag_arguments
from operators.listen import DispatchObservationsOperator

with DAG(
    "listen",
    doc_md=__doc__,
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    **dag_arguments("listen"),
    tags=["atdb"],
):
    DispatchObservationsOperator(task_id="listen", retries=5, retry_delay=timedelta(seconds=2))
