"""One stage: its state, and the observations that need it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.reads.airflow_runs import AirflowRun, run_of
from atdb_api.reads.task_row import TaskRow, select_tasks, task_row
from atdb_api.services import stages
from atdb_interface.actions import RETRIES
from atdb_interface.lifecycle import STEPS, Stage, Status
from atdb_interface.stages import StageState

#: The maximum number shown; the page Tasks has all.
MOST_SHOWN = 100


@dataclass(frozen=True)
class StageTask:
    """An observation of a stage, and the run that works on it."""

    task: TaskRow
    run: AirflowRun | None


@dataclass(frozen=True)
class StagePage:
    """What the page of a stage shows. `counts`: how many observations have each of its statuses."""

    stages: list[tuple[Stage, StageState]]
    counts: dict[Status, int]
    rows: list[StageTask]
    dag: str


def statuses_of(stage: Stage) -> Sequence[Status]:
    """Return the statuses of the stage: its errors first, then those it works on, then the one that waits."""
    acts_on = [step.source for step in STEPS if step.actor == stage.actor]
    failed = [error for error, back in RETRIES.items() if back in acts_on]
    works = [status for status in acts_on if status is not stage.source]
    return list(dict.fromkeys((*failed, *works, stage.source)))


def read_stage(session: Session, stage: Stage) -> StagePage:
    """Read a stage and its observations, with four statements."""
    setting = stages.settings(session)[stage.actor]
    statuses = statuses_of(stage)
    place = case({status: number for number, status in enumerate(statuses)}, value=Observation.status)
    needs_stage = Observation.status.in_(statuses)
    rows = session.execute(
        select_tasks()
        .where(needs_stage)
        .order_by(place, Observation.status_since, Observation.id)
        .limit(MOST_SHOWN)
    )
    counts = session.execute(
        select(Observation.status, func.count()).where(needs_stage).group_by(Observation.status)
    )
    numbers: dict[Status, int] = dict(counts.all())
    return StagePage(
        stages=[(stage, stages.states(session, [setting])[0])],
        counts={status: numbers.get(status, 0) for status in statuses},
        rows=[
            StageTask(task_row(row, lease, is_overdue), run_of(lease.owner, lease.began_at) if lease else None)
            for row, lease, is_overdue in rows
        ],
        dag=str(stage.actor),
    )
