"""What runs on this machine: the command of each process, and the environment which only that process gets.

Secrets travel by environment alone: never on a command line, in supervisord's configuration or in a log.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standalone import database, leftovers
from standalone.credentials import Credentials
from standalone.settings import HOST, REPOSITORY, Settings

# Of the environment of whoever starts the stack, only this reaches its processes: no proxy, no PYTHONPATH and
# no AIRFLOW__ setting of another installation changes what the stack does.
_INHERITED = (
    *("ATDB_ANONYMOUS_ROLE", "ATDB_REPORTS_ACCOUNT", "ATDB_RETRY_SECONDS", "ATDB_SITE_REPORTS"),
    *("ATDB_KEEP_AIRFLOW_DAYS", "ATDB_KEEP_CLAIMS_DAYS", "ATDB_KEEP_IDEMPOTENCY_KEYS_DAYS"),
    *("ATDB_KEEP_LOGS_DAYS", "ATDB_KEEP_SESSIONS_DAYS"),
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"),
)

# Connections that a site may have of its own: set in the environment, they take the place of the stack's.
_SITE_CONNECTIONS = (
    *("AIRFLOW_CONN_AIRFLOW_LISTEN", "AIRFLOW_CONN_ARCHIVE_DEFAULT"),
    *("AIRFLOW_CONN_ATDB_DEFAULT", "AIRFLOW_CONN_TELESCOPE_DEFAULT"),
)

Environment = dict[str, str]


@dataclass(frozen=True)
class Program:
    """One process of the stack. `after` names the preparation that must have been made before it starts."""

    command: list[str]
    environment: Environment = field(default_factory=dict, repr=False)
    after: str | None = None


def program(name: str, settings: Settings, credentials: Credentials) -> Program:
    """Look up one process of the stack by its name; raises KeyError for an unknown one."""
    return _PROGRAMS[name](settings, credentials)


def names() -> list[str]:
    """Name the processes of the stack."""
    return list(_PROGRAMS)


def minimal_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> Environment:
    """Give the environment that every process of the stack gets: nothing secret is in it."""
    return {
        **{name: inherited[name] for name in _INHERITED if name in inherited},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONUNBUFFERED": "1",
        **settings.as_environment(),
    }


def atdb_environment(settings: Settings, credentials: Credentials) -> Environment:
    """Give what ATDB's API and its commands need to reach their database."""
    return {
        "ATDB_DATABASE_URL": database.url(settings, credentials, "atdb"),
        "AIRFLOW_URL": settings.airflow_url,
    }


def airflow_environment(settings: Settings, credentials: Credentials) -> Environment:
    """Give what every Airflow process needs and what its checked-in configuration cannot know."""
    keys = credentials.airflow_keys
    logs = settings.logs / "airflow"
    return {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "AIRFLOW_CONFIG": str(REPOSITORY / "standalone" / "airflow.cfg"),
        "AIRFLOW__API__BASE_URL": settings.airflow_url,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.airflow_passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url(settings, credentials, "airflow"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "ATDB_URL": settings.atdb_url,
    }


def _connections(settings: Settings, credentials: Credentials) -> Environment:
    """Give Airflow's connections: for the processes that run tasks and triggers, and for no other."""
    atdb = {
        "conn_type": "atdb",
        "host": settings.atdb_url,
        "login": "airflow",
        "password": credentials.atdb["airflow"],
    }
    reports = {
        "conn_type": "postgres",
        "host": HOST,
        "port": settings.postgres_port,
        "schema": "atdb",
        "login": database.READER,
        "password": credentials.postgresql[database.READER],
    }
    airflow = {
        "conn_type": "http",
        "host": settings.airflow_url,
        "login": "reconcile",
        "password": credentials.airflow_ui["reconcile"],
    }
    archive = {"conn_type": "generic", "extra": {"url": settings.archive.as_uri()}}
    return {
        "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": json.dumps({"folder": str(settings.private_connections)}),
        "AIRFLOW_CONN_AIRFLOW_API": json.dumps(airflow),
        "AIRFLOW_CONN_ATDB_DEFAULT": json.dumps(atdb),
        "AIRFLOW_CONN_ATDB_REPORTS": json.dumps(reports),
        "AIRFLOW_CONN_TELESCOPE_DEFAULT": json.dumps({"conn_type": "http", "host": settings.telescope_url}),
        "AIRFLOW_CONN_ARCHIVE_DEFAULT": json.dumps(archive),
        "ATDB_DATA_ROOT": str(settings.data),
    }


def _listener(settings: Settings, credentials: Credentials) -> Environment:
    """Return the connection with which runs are created: for the triggerer, and so for no task."""
    login = {
        "conn_type": "http",
        "host": settings.airflow_url,
        "login": "listen",
        "password": credentials.airflow_ui["listen"],
    }
    return {"AIRFLOW_CONN_AIRFLOW_LISTEN": json.dumps(login)}


def _postgres(settings: Settings, _: Credentials) -> Program:
    return Program(database.server_command(settings))


def _api(settings: Settings, credentials: Credentials) -> Program:
    command = [
        *(_script("gunicorn"), "--config", "python:atdb_api.server"),
        *("--bind", f"{HOST}:{settings.atdb_port}", "atdb_api:create_app()"),
    ]
    # Each thread would keep a heap of its own, as large as the largest request that it has seen.
    environment = {**atdb_environment(settings, credentials), "MALLOC_ARENA_MAX": "2"}
    return Program(command, environment, after="atdb")


def _telescope(settings: Settings, credentials: Credentials) -> Program:
    environment = {
        "ATDB_URL": settings.atdb_url,
        "ATDB_USER": "telescope",
        "ATDB_SECRET": credentials.atdb["telescope"],
        "ATDB_DATA_ROOT": str(settings.data),
        "TELESCOPE_STATE": str(settings.telescope_state),
    }
    return Program([sys.executable, "-m", "standalone.telescope"], environment)


def _airflow(
    *arguments: str, connections: bool = False, listens: bool = False
) -> Callable[[Settings, Credentials], Program]:
    def make(settings: Settings, credentials: Credentials) -> Program:
        environment = airflow_environment(settings, credentials)
        if connections:
            environment |= _connections(settings, credentials)
        if listens:
            environment |= _listener(settings, credentials)
        for name in _SITE_CONNECTIONS:
            if name in environment and os.environ.get(name):
                environment[name] = os.environ[name]
        return Program([_script("airflow"), *arguments], environment, after="airflow")

    return make


# Logs are read from the folder that all processes share, so the log servers, which Airflow offers to every
# machine of the network, are left out.
_PROGRAMS: Mapping[str, Callable[[Settings, Credentials], Program]] = {
    "postgres": _postgres,
    "api": _api,
    "telescope": _telescope,
    "airflow-api-server": _airflow("api-server"),
    "scheduler": _airflow("scheduler", "--skip-serve-logs", connections=True),
    "dag-processor": _airflow("dag-processor"),
    "triggerer": _airflow("triggerer", "--skip-serve-logs", connections=True, listens=True),
}


def _script(name: str) -> str:
    """Give the path of a command that pip has put beside the interpreter that runs now."""
    return str(Path(sys.executable).parent / name)


def command_environment(settings: Settings, name: str, own: Environment) -> Environment:
    """Give the whole environment of a process: the minimal one, its own, and its marker."""
    return minimal_environment(settings) | own | leftovers.marker(settings, name)


def inherited_by_supervisor(settings: Settings) -> Environment:
    """Give supervisord's environment: what its processes, which start from it, must be able to read."""
    site = {name: os.environ[name] for name in _SITE_CONNECTIONS if name in os.environ}
    return command_environment(settings, leftovers.SUPERVISOR, site)
