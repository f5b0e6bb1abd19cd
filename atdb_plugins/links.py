"""The URLs of ATDB's pages for links in Airflow's pages, logs and notes. Empty without ATDB_URL."""

import os
from collections.abc import Iterable
from urllib.parse import urlencode

from atdb_interface import query_lists


def atdb_url() -> str:
    """Return the URL of ATDB for browsers, without a slash at its end."""
    return os.environ.get("ATDB_URL", "").rstrip("/")


def tasks_page(atdb_task_ids: Iterable[str] = ()) -> str:
    """Return the URL of the page of one observation, or of the table of these or of all observations."""
    named = list(atdb_task_ids)
    match named:
        case []:
            return _page("/tasks/")
        case [atdb_task_id]:
            return _page(f"/tasks/{atdb_task_id}/")
    return _page("/tasks/?" + urlencode({"taskID__in": query_lists.write(named)}))


def run_page(dag_id: str, run_id: str) -> str:
    """Return the URL that redirects to the observation of a run."""
    return _page("/tasks/of-run/?" + urlencode({"dag": dag_id, "run": run_id}))


def dag_page(dag_id: str) -> str:
    """Return the URL of ATDB's page about a DAG; for a stage, it shows the observations."""
    return _page(f"/dags/{dag_id}/")


def _page(path: str) -> str:
    url = atdb_url()
    return url and url + path
