"""`/tasks/of-run/?dag=ingest&run=...`: the observation that a run of Airflow works on, or has worked on."""

from flask import Blueprint, Response, render_template, request, url_for

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.html import layout
from atdb_api.reads.airflow_runs import task_of_run
from atdb_interface.roles import Capability

views = Blueprint("airflow_run", __name__, url_prefix="/tasks/of-run")


@views.get("/")
@page(Capability.READ)
def find(session: Session) -> Response | str:
    """Redirect to the observation of a run; if there is none yet, show a page that waits for it."""
    dag, run = _run()
    task_id = task_of_run(session, dag, run)
    if task_id:
        return layout.see_other(url_for("gui.task.show", task_id=task_id))
    return render_template("gui/airflow_run.html", dag=dag, run=run, versions=live.versions([_part(None)]))


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session) -> Response:
    """Return the link to the observation, once there is one."""
    return live.answer([_part(task_of_run(session, *_run()))])


def _part(task_id: str | None) -> live.Part:
    return part("gui/airflow_run_parts.html", "task", task_id, task_id)


def _run() -> tuple[str, str]:
    return request.args.get("dag", ""), request.args.get("run", "")
