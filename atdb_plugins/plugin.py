"""ATDB within Airflow's pages: an entry of the navigation, tabs on DAGs, runs and tasks, a link on each task."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from atdb_interface.owners import STAGE_DAGS
from atdb_plugins.links import atdb_url, run_page, tasks_page

_DAG = "/dags/{DAG_ID}/"
_RUN = "/tasks/of-run/?dag={DAG_ID}&run={RUN_ID}"
#: Where each view stands, what it is called there, and which page of ATDB it shows. Airflow fills in the names.
_VIEWS = (
    ("nav", "ATDB", "/tasks/", "atdb"),
    ("dag", "ATDB", _DAG, "atdb_dag"),
    ("task", "ATDB", _DAG, "atdb_dag_of_task"),
    ("dag_run", "ATDB task", _RUN, "atdb_task"),
    ("task_instance", "ATDB task", _RUN, "atdb_task_of_instance"),
)


def views(url: str) -> list[dict[str, Any]]:
    """Return the views as Airflow takes them; of two with the same route it would leave one out."""
    return [
        {
            "name": name,
            "href": url + page,
            "destination": destination,
            "nav_top_level": destination == "nav",
            "url_route": route,
            "icon": f"{url}/static/atdb.svg",
        }
        for destination, name, page, route in _VIEWS
    ]


class ObservationLink(BaseOperatorLink):
    """The button *ATDB* of a task instance.

    A link of an operator would be computed when its task ends, and stored: none for what waits in the triggerer or
    has not begun. Airflow's API server computes this one, of the plugin, when the page is opened.
    """

    name = "ATDB"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the URL of the observation of a stage's run, or of all observations for any other DAG."""
        if ti_key.dag_id in STAGE_DAGS:
            return run_page(ti_key.dag_id, ti_key.run_id)
        return tasks_page()


class AtdbPlugin(AirflowPlugin):
    """Register the views and the link; nothing of them without ATDB_URL."""

    name = "atdb"
    external_views = views(atdb_url()) if atdb_url() else []
    global_operator_extra_links = [ObservationLink()] if atdb_url() else []
