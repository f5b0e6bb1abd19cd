"""Where Airflow shows the runs that work on tasks."""

from urllib.parse import quote

from flask import current_app

from atdb_api.reads.airflow_runs import AirflowRun


def run_url(run: AirflowRun | None) -> str:
    """Write where Airflow shows a run; empty for none, and if it is not known where Airflow is."""
    airflow = current_app.config["AIRFLOW_URL"]
    return f"{airflow}/dags/{run.dag}/runs/{quote(run.run_id, safe='')}" if airflow and run else ""
