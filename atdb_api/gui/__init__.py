"""The web GUI: pages that the server renders and small requests keep live. One module per page; see docs/gui.md.

atdb_api/reads reads what a page shows: no module here queries the database.

To add a page, write a module with a blueprint `views` whose views use `page`, and add it to `PAGES`. If the
navigation should show it, add it to `NAVIGATION` too.
"""

from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Response, url_for

from atdb_api.gui import formats, page
from atdb_api.gui.airflow import dag, run
from atdb_api.gui.airflow.run_urls import run_url
from atdb_api.gui.night_report import reports
from atdb_api.gui.overviews import deletion, flow, night, plan, services
from atdb_api.gui.tasks import available_actions, bulk, table, task
from atdb_api.gui.tasks.timeline import timeline
from atdb_api.html import layout

PAGES: tuple[ModuleType, ...] = (table, bulk, run, dag, task, night, plan, flow, services, deletion, reports)
#: The links at the top of every page.
NAVIGATION = (
    ("Tasks", "gui.tasks.table"),
    ("Night", "gui.night.show"),
    ("Plan", "gui.plan.show"),
    ("Flow", "gui.flow.show"),
    ("Services", "gui.services.show"),
    ("Reports", "gui.reports.table"),
)


def init_app(app: Flask, airflow_url: str | None) -> None:
    """Register all pages. `airflow_url`: for links to runs."""
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
        """Redirect to the page Tasks."""
        return layout.see_other(url_for("gui.tasks.table"))

    @gui.app_context_processor
    def _navigation() -> dict[str, Any]:
        return {"navigation": NAVIGATION}

    app.register_blueprint(gui)
