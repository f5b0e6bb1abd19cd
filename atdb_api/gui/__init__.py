"""The web GUI: pages for people, made here and live by small requests. One module a page; see docs/gui.md.

What a page shows is read by atdb_api/reads: nothing here asks the database.

To add a page: a module with a blueprint `views` and views made by `page`, its place in `PAGES`, and, where
people go to it by themselves, in `NAVIGATION`.
"""

from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Response, url_for

from atdb_api.gui import formats, page
from atdb_api.gui.airflow import dag, run
from atdb_api.gui.airflow.run_urls import run_url
from atdb_api.gui.night_report import reports
from atdb_api.gui.overviews import flow, night, plan, services
from atdb_api.gui.tasks import available_actions, bulk, table, task
from atdb_api.gui.tasks.timeline import timeline
from atdb_api.html import layout

PAGES: tuple[ModuleType, ...] = (table, bulk, run, dag, task, night, plan, flow, services, reports)
#: What stands at the top of every page, and where it leads.
NAVIGATION = (
    ("Tasks", "gui.tasks.table"),
    ("Night", "gui.night.show"),
    ("Plan", "gui.plan.show"),
    ("Flow", "gui.flow.show"),
    ("Services", "gui.services.show"),
    ("Reports", "gui.reports.table"),
)


def init_app(app: Flask, airflow_url: str | None) -> None:
    """Register all pages. `airflow_url`: where to see runs."""
    app.config["AIRFLOW_URL"] = airflow_url
    gui = Blueprint("gui", __name__)
    page.init_app(gui)
    formats.init_app(gui)
    available_actions.init_app(gui)
    gui.add_app_template_filter(run_url)
    gui.add_app_template_filter(timeline)
    for module in PAGES:
        gui.register_blueprint(module.views)

    @gui.get("/")
    def start() -> Response:
        """Lead to the tasks."""
        return layout.see_other(url_for("gui.tasks.table"))

    @gui.app_context_processor
    def _navigation() -> dict[str, Any]:
        return {"navigation": NAVIGATION}

    app.register_blueprint(gui)
