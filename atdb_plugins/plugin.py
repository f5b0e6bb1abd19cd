"""ATDB in Airflow's pages: an entry in the navigation, tabs on DAGs, runs and tasks, a link on each task."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from atdb_interface.owners import STAGE_DAGS
from atdb_plugins.links import atdb_url, run_page, tasks_page

_DAG = "/dags/{DAG_ID}/"
_RUN = "/tasks/of-run/?dag={DAG_ID}&run={RUN_ID}"
#: For each view: its place, its name, the page of ATDB and the route. Airflow fills in the names in braces.
_VIEWS = (
    ("nav", "ATDB", "/tasks/", "atdb"),
    ("dag", "ATDB", _DAG, "atdb_dag"),
    ("task", "ATDB", _DAG, "atdb_dag_of_task"),
    ("dag_run", "ATDB observation", _RUN, "atdb_task"),
    ("task_instance", "ATDB observation", _RUN, "atdb_task_of_instance"),
)


def views(url: str) -> list[dict[str, Any]]:
    """Return the views in Airflow's format. Each has its own route, or Airflow would leave one out."""
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

    Airflow computes the links of operators when a task ends. This is too late for a task that waits in the
    triggerer or has not started. It computes the links of plugins when a page is opened.
    """

    name = "ATDB"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the URL of the observation of a stage's run; for any other DAG, the URL of all observations."""
        if ti_key.dag_id in STAGE_DAGS:
            return run_page(ti_key.dag_id, ti_key.run_id)
        return tasks_page()


class AtdbPlugin(AirflowPlugin):
    """Register the views and the link; without ATDB_URL there are none."""

    name = "atdb"
    external_views = views(atdb_url()) if atdb_url() else []
    global_operator_extra_links = [ObservationLink()] if atdb_url() else []
