"""Connections that belong to one DAG: a secrets backend that gives each to the tasks of that DAG only."""

import os
import re
from pathlib import Path

from airflow.sdk.bases.secrets_backend import BaseSecretsBackend
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied


class PrivateConnections(BaseSecretsBackend):
    """Read `<folder>/<dag_id>/<conn_id>.json`, a connection in Airflow's JSON format.

    Airflow calls this backend, as `[workers] secrets_backend`, in the process of each task. Airflow does not pass
    the task, but sets AIRFLOW_CTX_DAG_ID in the environment of that process before `execute`. So no other task has
    a connection in its environment or gets it by its id. This does not stop code that runs as the same user of the
    operating system and reads the files or sets that variable itself.
    """

    def __init__(self, folder: str | None = None) -> None:
        super().__init__()
        self._folder = Path(folder) if folder else None

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:  # noqa: ARG002
        """Return a connection of the DAG whose task is running, or None if the connection is not private.

        Raises AirflowSecretsBackendAccessDenied if it belongs to another DAG; Airflow then asks no other backend.
        """
        if self._folder is None or not re.fullmatch(r"\w+", conn_id):
            return None
        owners = {file.parent.name: file for file in self._folder.glob(f"*/{conn_id}.json")}
        if not owners:
            return None
        dag_id = os.environ.get("AIRFLOW_CTX_DAG_ID", "")
        if dag_id not in owners:
            raise AirflowSecretsBackendAccessDenied(
                f"The connection {conn_id} is available to tasks of the DAG {' and '.join(sorted(owners))} only."
            )
        return owners[dag_id].read_text(encoding="utf-8")

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:  # noqa: ARG002
        """Return None, because no variable is private."""
        return None
