"""The URLs of runs in Airflow."""

from urllib.parse import quote

from flask import current_app

from atdb_api.reads.airflow_runs import AirflowRun


def run_url(run: AirflowRun | None) -> str:
    """Return the URL of a run in Airflow; empty without a run, and if AIRFLOW_URL is not set."""
    airflow = current_app.config["AIRFLOW_URL"]
    return f"{airflow}/dags/{run.dag}/runs/{quote(run.run_id, safe='')}" if airflow and run else ""
