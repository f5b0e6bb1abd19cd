"""Airflow's connections that only the tasks of one DAG get: in private files, not in a process's environment."""

import json
import shutil

from standalone.credentials import Credentials
from standalone.files import write_private
from standalone.settings import Settings

# DAG -> connection -> the role that logs in, and the database.
_LAYOUT = {
    "maintenance": {
        "airflow_maintenance": ("airflow_maintenance", "airflow"),
        "atdb_maintenance": ("maintenance", "atdb"),
    }
}


def write(settings: Settings, credentials: Credentials) -> None:
    """Write a file per connection, as atdb_plugins/private_connections.py reads it, and delete all other files."""
    shutil.rmtree(settings.private_connections, ignore_errors=True)
    settings.private_connections.mkdir(mode=0o700, parents=True)
    for dag_id, connections in _LAYOUT.items():
        folder = settings.private_connections / dag_id
        folder.mkdir(mode=0o700)
        for connection_id, (role, database) in connections.items():
            connection = {
                "conn_type": "postgres",
                "host": settings.postgres_host,
                "port": settings.postgres_port,
                "schema": database,
                "login": role,
                "password": credentials.postgresql[role],
            }
            write_private(folder / f"{connection_id}.json", json.dumps(connection))
