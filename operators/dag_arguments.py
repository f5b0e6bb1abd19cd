"""The owner of the DAGs: at the top of the page of each in Airflow, it leads to what ATDB has of it."""

from typing import Any

from atdb_plugins.links import dag_page

OWNER = "ATDB"


def owned(dag_id: str, **default_args: Any) -> dict[str, Any]:
    """Return the arguments of a DAG for that, with what else its tasks have by default."""
    page = dag_page(dag_id)
    return {"default_args": {"owner": OWNER, **default_args}, "owner_links": {OWNER: page} if page else {}}
