"""The format of an owner: ATDB knows a run of Airflow that works on an observation as `<dag>/<run id>`."""

from atdb_interface.lifecycle import STAGES

#: The DAGs whose runs work on observations.
STAGE_DAGS = frozenset(str(stage.actor) for stage in STAGES)


def write_owner(dag_id: str, run_id: str) -> str:
    """Return the owner that a run is."""
    return f"{dag_id}/{run_id}"


def read_owner(owner: str) -> tuple[str, str]:
    """Return the DAG and the run id of an owner. Other programs name themselves as they like: see STAGE_DAGS."""
    dag_id, _, run_id = owner.partition("/")
    return dag_id, run_id
