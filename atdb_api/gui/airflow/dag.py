"""`/dags/<dag>/`: from a DAG in Airflow to what ATDB has of it; of a stage, its state and its observations."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from flask import Blueprint, Response, render_template, url_for
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.html import layout
from atdb_api.models import Observation, StageSetting
from atdb_api.reads.status_periods import Run, run_of
from atdb_api.reads.task_table import Task, of_tasks, task
from atdb_api.roles import Role
from atdb_api.services import stages
from atdb_interface.actions import RETRIES
from atdb_interface.lifecycle import STAGES, STEPS, Stage, Status
from atdb_interface.stages import StageState

views = Blueprint("of_dag", __name__, url_prefix="/dags/<dag>")

#: The table of tasks has them all.
MOST_SHOWN = 100
#: What the DAGs that are no stage have to do with; any other leads to the night.
PAGES = MappingProxyType(
    {"listen": "gui.services.show", "operate": "gui.tasks.table", "night_report": "gui.reports.table"}
)
_STAGES = {str(stage.actor): stage for stage in STAGES}


@dataclass(frozen=True)
class Row:
    """An observation of a stage, and the run that works on it."""

    task: Task
    run: Run | None


@dataclass(frozen=True)
class Told:
    """All that the page shows of a stage. `counts`: how many observations have each of its statuses."""

    stages: list[tuple[Stage, StageState]]
    counts: dict[Status, int]
    rows: list[Row]
    dag: str


@views.get("/")
@page(Role.VIEWER)
def show(session: Session, dag: str) -> Response | str:
    """Show the stage that a DAG is, or lead to the page that another DAG has to do with."""
    stage = _STAGES.get(dag)
    if stage is None:
        return layout.see_other(url_for(PAGES.get(dag, "gui.night.show")))
    told = _read(session, stage)
    return render_template("gui/of_dag.html", told=told, versions=live.versions(_parts(told)))


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session, dag: str) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(_read(session, _STAGES[dag])) if dag in _STAGES else [])


def statuses_of(stage: Stage) -> Sequence[Status]:
    """Return the statuses that need the stage: its errors first, then what it works on, then what waits for it."""
    acts_on = [step.source for step in STEPS if step.actor == stage.actor]
    waits = [stage.source]
    works = list(dict.fromkeys(status for status in acts_on if status is not stage.source))
    failed = [error for error, back in RETRIES.items() if back in acts_on]
    return [*failed, *works, *waits]


def _parts(told: Told) -> list[live.Part]:
    return [
        part("gui/services_parts.html", "stages", told.stages, told),
        part("gui/of_dag_parts.html", "observations", (told.counts, told.rows), told),
    ]


def _read(session: Session, stage: Stage) -> Told:
    setting = session.scalars(select(StageSetting).where(StageSetting.stage == stage.actor)).one()
    statuses = statuses_of(stage)
    place = case({status: number for number, status in enumerate(statuses)}, value=Observation.status)
    has = Observation.status.in_(statuses)
    found = session.execute(
        of_tasks().where(has).order_by(place, Observation.status_since, Observation.id).limit(MOST_SHOWN)
    )
    counts = session.execute(select(Observation.status, func.count()).where(has).group_by(Observation.status))
    numbers: dict[Status, int] = dict(counts.all())
    return Told(
        stages=[(stage, stages.states(session, [setting])[0])],
        counts={status: numbers.get(status, 0) for status in statuses},
        rows=[
            Row(task(row, lease, late), run_of(lease.owner, lease.began_at) if lease else None)
            for row, lease, late in found
        ],
        dag=str(stage.actor),
    )
