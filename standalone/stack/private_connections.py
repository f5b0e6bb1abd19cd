"""Airflow's connections that only the tasks of one DAG get: in private files, not in a process's environment."""

import json
import shutil

from standalone.credentials import Credentials
from standalone.files import write_private
from standalone.settings import Settings

# DAG -> connection -> the role that logs in, and the database.
_DATABASES = {
    "maintenance": {
        "airflow_maintenance": ("airflow_maintenance", "airflow"),
        "atdb_maintenance": ("maintenance", "atdb"),
    }
}
# DAG -> connection -> the account of ATDB.
_ACCOUNTS = {"operate": {"atdb_operate": "operate"}}


def write(settings: Settings, credentials: Credentials) -> None:
    """Write a file per connection, as atdb_plugins/private_connections.py reads it, and delete all other files.

    A site's own connection replaces the one to the stack's ATDB.
    """
    shutil.rmtree(settings.private_connections, ignore_errors=True)
    settings.private_connections.mkdir(mode=0o700, parents=True)
    for dag_id, databases in _DATABASES.items():
        for connection_id, (role, database) in databases.items():
            connection = {
                "conn_type": "postgres",
                "host": settings.postgres_host,
                "port": settings.postgres_port,
                "schema": database,
                "login": role,
                "password": credentials.postgresql[role],
            }
            _write(settings, dag_id, connection_id, json.dumps(connection))
    for dag_id, accounts in _ACCOUNTS.items():
        for connection_id, account in accounts.items():
            login = {"login": account, "password": credentials.atdb[account]}
            ours = json.dumps({"conn_type": "atdb", "host": settings.atdb_url, **login})
            _write(settings, dag_id, connection_id, credentials.of_site(connection_id) or ours)


def _write(settings: Settings, dag_id: str, connection_id: str, connection: str) -> None:
    folder = settings.private_connections / dag_id
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / f"{connection_id}.json", connection)
