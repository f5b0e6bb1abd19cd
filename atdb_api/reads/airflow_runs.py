"""The runs in Airflow that work or have worked on observations. In ATDB, each is the owner `<dag>/<run id>`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation, Transition
from atdb_interface.owners import STAGE_DAGS, read_owner, write_owner


@dataclass(frozen=True)
class AirflowRun:
    """A run of a DAG that has worked on an observation, and since when."""

    dag: str
    run_id: str
    since: datetime


def run_of(owner: str | None, since: datetime) -> AirflowRun | None:
    """Return the run of an owner, if it is a run of a stage's DAG."""
    dag, run_id = read_owner(owner or "")
    return AirflowRun(dag, run_id, since) if dag in STAGE_DAGS and run_id else None


def runs_of(steps: Iterable[Transition]) -> list[AirflowRun]:
    """Return the runs that have worked on an observation, in the order in which they first did."""
    runs: dict[str, AirflowRun] = {}
    for step in steps:
        if step.owner and step.owner not in runs and (run := run_of(step.owner, step.at)):
            runs[step.owner] = run
    return list(runs.values())


def task_of_run(session: Session, dag: str, run_id: str) -> str | None:
    """Return the taskID of the observation that a run owns, or has owned last.

    If it has owned none, return the taskID in the run's name. The name of a stage's run is, for example,
    `190405034-ingest-1`.
    """
    owner = write_owner(dag, run_id)
    # If a client does not escape a run's id in a URL, its plus signs arrive as spaces.
    owners = (owner, owner.replace(" ", "+"))
    holds = (
        select(Observation.task_id)
        .join(Lease, Lease.observation_id == Observation.id)
        .where(Lease.owner.in_(owners))
        .limit(1)
    )
    held = (
        select(Transition.task_id)
        .where(Transition.owner.in_(owners), Transition.dataproduct.is_(None))
        .order_by(Transition.id.desc())
        .limit(1)
    )
    named = select(Observation.task_id).where(Observation.task_id == run_id.partition("-")[0])
    return session.scalar(holds) or session.scalar(held) or session.scalar(named)
