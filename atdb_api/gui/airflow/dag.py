"""`/dags/<dag>/`: the page of ATDB for a DAG of Airflow. For a stage: its state and its observations."""

from types import MappingProxyType

from flask import Blueprint, Response, render_template, url_for

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.html import layout
from atdb_api.reads.stage_page import StagePage, read_stage
from atdb_interface.lifecycle import STAGES
from atdb_interface.roles import Capability

views = Blueprint("airflow_dag", __name__, url_prefix="/dags/<dag>")

#: The pages for DAGs that are not stages; others redirect to the page Night.
PAGES = MappingProxyType(
    {"listen": "gui.services.show", "operate": "gui.tasks.table", "night_report": "gui.reports.table"}
)
_STAGES = {str(stage.actor): stage for stage in STAGES}


@views.get("/")
@page(Capability.READ)
def show(session: Session, dag: str) -> Response | str:
    """Show the stage of a DAG, or redirect to the page for another DAG."""
    stage = _STAGES.get(dag)
    if stage is None:
        return layout.see_other(url_for(PAGES.get(dag, "gui.night.show")))
    stage_page = read_stage(session, stage)
    return render_template("gui/airflow_dag.html", page=stage_page, versions=live.versions(_parts(stage_page)))


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session, dag: str) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(read_stage(session, _STAGES[dag])) if dag in _STAGES else [])


def _parts(stage_page: StagePage) -> list[live.Part]:
    return [
        part("gui/services_parts.html", "stages", stage_page.stages, stage_page),
        part("gui/airflow_dag_parts.html", "observations", (stage_page.counts, stage_page.rows), stage_page),
    ]
