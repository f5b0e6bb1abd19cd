"""The arguments that all DAGs share: their owner, which links the page of a DAG in Airflow to its page in ATDB."""

from typing import Any

from atdb_interface.lifecycle import STATUSES, Actor
from atdb_plugins.links import dag_page

DAG_OWNER = "ATDB"


def dag_arguments(dag_id: str, **default_args: Any) -> dict[str, Any]:
    """Return the arguments of a DAG. `default_args`: the defaults of its tasks, besides the owner."""
    page = dag_page(dag_id)
    return {"default_args": {"owner": DAG_OWNER, **default_args}, "owner_links": {DAG_OWNER: page} if page else {}}


def stage_document(text: str | None, stage: Actor) -> str:
    """Return the documentation of a stage's DAG in Airflow: its text, and the moves that the stage makes."""
    moves = [
        f"- `{source}` → {', '.join(f'`{target}`' for target in targets)}"
        for source, row in STATUSES.items()
        if (targets := [target for target, actor in row.steps.items() if actor == stage])
    ]
    return "\n".join([text or "", "", "It moves observations:", "", *moves])
