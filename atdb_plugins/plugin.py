"""ATDB within Airflow's pages: an entry of the navigation, and on each run of a stage a tab with its task."""

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin

#: Where browsers reach ATDB; without it Airflow's pages show nothing of ATDB.
_URL = os.environ.get("ATDB_URL", "").rstrip("/")


def views(url: str) -> list[dict[str, Any]]:
    """Describe the views to Airflow, which fills in the run; ATDB knows of which task that was the owner."""
    icon = f"{url}/static/atdb.svg"
    return [
        {
            "name": "ATDB",
            "href": f"{url}/tasks/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "atdb",
            "icon": icon,
        },
        {
            "name": "ATDB task",
            "href": f"{url}/tasks/of-run/?dag={{DAG_ID}}&run={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "atdb_task",
            "icon": icon,
        },
    ]


class AtdbPlugin(AirflowPlugin):
    """Tell Airflow of the views."""

    name = "atdb"
    external_views = views(_URL) if _URL else []
