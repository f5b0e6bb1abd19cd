"""`/tasks/of-run/?dag=ingest&run=...`: from a run in Airflow to the task that it works on, or has worked on."""

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.html import layout
from atdb_api.models import Lease, Observation, Transition
from atdb_api.roles import Role

views = Blueprint("of_run", __name__, url_prefix="/tasks/of-run")


@views.get("/")
@page(Role.VIEWER)
def find(session: Session) -> Response | str:
    """Lead to the task of a run; where there is none yet, wait for it."""
    task_id = _task_of(session)
    if task_id:
        return layout.see_other(url_for("gui.task.show", task_id=task_id))
    return render_template("gui/of_run.html", **_run(), versions=live.versions([_part(None)]))


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session) -> Response:
    """Give the way to the task, once there is one."""
    return live.answer([_part(_task_of(session))])


def _part(task_id: str | None) -> live.Part:
    return part("gui/of_run_parts.html", "task", task_id, task_id)


def _run() -> dict[str, str]:
    return {name: request.args.get(name, "") for name in ("dag", "run")}


def _task_of(session: Session) -> str | None:
    """Find the task of which a run is the owner, or was the last time that it was one."""
    owner = "{dag}/{run}".format(**_run())
    # Who puts a run's id into an address as it is, sends its plus signs as spaces.
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
    return session.scalar(holds) or session.scalar(held) or session.scalar(_named(_run()["run"]))


def _named(run_id: str) -> Select[str]:
    """Select the observation that a run is named after, such as `190405034-ingest-1`, if there is one."""
    task_id, _, _ = run_id.partition("-")
    return select(Observation.task_id).where(Observation.task_id == task_id)
