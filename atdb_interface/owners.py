"""The names of owners: an Airflow run that works on an observation is known to ATDB as `<dag>/<run id>`."""

from atdb_interface.lifecycle import STAGES

#: The DAGs whose runs work on observations.
STAGE_DAGS = frozenset(str(stage.actor) for stage in STAGES)


def write_owner(dag_id: str, run_id: str) -> str:
    """Return the owner name of a run."""
    return f"{dag_id}/{run_id}"


def read_owner(owner: str) -> tuple[str, str]:
    """Return the DAG and the run id of an owner.

    If the DAG is not in STAGE_DAGS, the owner is not a run but another program, and its name can have any form.
    """
    dag_id, _, run_id = owner.partition("/")
    return dag_id, run_id
