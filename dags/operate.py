"""# operate
Does one action on several observations: trigger it with their taskIDs, an action and a reason. The action
*priority* sets their priority: of the observations that wait, those with the highest priority are claimed first.

If ATDB refuses any of them, the others are done first. Then the run fails, and its log names the refused ones.
Nothing is repeated automatically."""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param

from atdb_interface.actions import Action
from operators.dag_arguments import dag_arguments
from operators.operate import PRIORITY, ActOnObservationsOperator

with DAG(
    "operate",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=2,  # reconcile, in the same pool, always has slots
    **dag_arguments("operate"),
    tags=["atdb"],
    params={
        "taskIDs": Param(
            type="string",
            pattern="[0-9]",
            description="Such as 190405034; separate several taskIDs by commas or spaces.",
        ),
        "action": Param(
            type="string", enum=[*map(str, Action), PRIORITY], description="What to do with the observations."
        ),
        "priority": Param(
            0,
            type="integer",
            minimum=-1000,
            maximum=1000,
            description="For the action priority.",
        ),
        "reason": Param(type="string", pattern=r"\S", description="Recorded in ATDB's history, with your name."),
    },
):
    ActOnObservationsOperator(task_id="operate", retries=0)
