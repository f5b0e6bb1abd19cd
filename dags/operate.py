"""# operate
Does the same to some observations, as an operator asks for it: trigger it with their taskIDs, an action and a
reason. *priority* gives them the priority that stands there: of those that wait, the highest is taken first. What
ATDB refuses is named when all others are done; nothing is tried again by itself."""

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
    **dag_arguments("operate"),
    tags=["atdb"],
    params={
        "taskIDs": Param(
            type="string",
            pattern="[0-9]",
            description="such as 190405034; between several of them commas or spaces",
        ),
        "action": Param(type="string", enum=[*map(str, Action), PRIORITY]),
        "priority": Param(0, type="integer", minimum=-1000, maximum=1000, description="for the action priority"),
        "reason": Param(type="string", pattern=r"\S", description="what ATDB's history will say"),
    },
):
    ActOnObservationsOperator(task_id="operate", retries=0)
