"""# listen
Watches ATDB and starts a stage run for each observation that waits, whoever gave it its status."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from operators.listen import ListenSensor
from operators.owner import owned

with DAG(
    "listen",
    doc_md=__doc__,
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    **owned("listen"),
    tags=["atdb"],
):
    # Behind a queue of stage tasks it would hear nothing for as long as that queue lasts.
    ListenSensor(
        task_id="listen",
        priority_weight=1000,
        weight_rule="absolute",
        retries=5,
        retry_delay=timedelta(seconds=2),
    )
