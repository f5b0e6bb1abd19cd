"""What runs on this machine: the command of each process, and the environment which only that process gets.

Secrets travel by environment alone: never on a command line, in supervisord's configuration or in a log.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from standalone.credentials import SITE_CONNECTIONS, Credentials
from standalone.settings import REPOSITORY, Executor, Settings
from standalone.stack import database, pools, processes

#: Of the environment in which the stack is started, only this reaches its processes: no proxy, no PYTHONPATH and
# no AIRFLOW__ setting of another installation changes what the stack does.
INHERITED = (
    *("ATDB_ANONYMOUS_ROLE", "ATDB_INSTRUMENT", "ATDB_REPORTS_ACCOUNT", "ATDB_RETRY_SECONDS", "ATDB_SITE_REPORTS"),
    *("ATDB_KEEP_AIRFLOW_DAYS", "ATDB_KEEP_CLAIMS_DAYS", "ATDB_KEEP_IDEMPOTENCY_KEYS_DAYS"),
    *("ATDB_KEEP_LOGS_DAYS", "ATDB_KEEP_SESSIONS_DAYS"),
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"),
)

#: The connections of a site may also be in the environment, under these names, by their ids.
SITE_VARIABLES = {each: f"AIRFLOW_CONN_{each.upper()}" for each in SITE_CONNECTIONS}

#: In the place of the address of Airflow's database, where a process must not reach it.
NO_DATABASE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"

Environment = dict[str, str]
Connection = dict[str, object]


@dataclass(frozen=True)
class Program:
    """One process of the stack. `after` names the preparation that must have been made before it starts."""

    command: list[str]
    environment: Environment = field(default_factory=dict, repr=False)
    after: str | None = None


def program(name: str, settings: Settings, credentials: Credentials) -> Program:
    """Look up one process of the stack by its name; raises KeyError for an unknown one."""
    return {**_PROGRAMS, **_WORKERS}[name](settings, credentials)


def names() -> list[str]:
    """List the names of the processes of the stack on one machine."""
    return list(_PROGRAMS)


def minimal_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> Environment:
    """Give the environment that every process of the stack gets: nothing secret is in it."""
    return {
        **{name: inherited[name] for name in INHERITED if name in inherited},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONUNBUFFERED": "1",
        **settings.as_environment(),
    }


def atdb_environment(
    settings: Settings, credentials: Credentials, role: str = database.APPLICATION
) -> Environment:
    """Return the environment with which ATDB's API and its commands connect to their database as a role."""
    return {
        "ATDB_DATABASE_URL": database.url(settings, credentials, role, "atdb"),
        "AIRFLOW_URL": settings.airflow_public_url or settings.airflow_url,
    }


def airflow_environment(settings: Settings, credentials: Credentials) -> Environment:
    """Return the environment of a process with Airflow's database: what the file airflow.cfg cannot know."""
    keys = credentials.airflow_keys
    environment = _of_any_airflow(settings) | {
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.airflow_passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url(settings, credentials, "airflow", "airflow"),
    }
    if settings.executor is Executor.CELERY:
        environment |= _broker(settings, credentials)
    return environment


def _of_any_airflow(settings: Settings) -> Environment:
    """Return the environment of every Airflow process; a worker has no more, as it uses Airflow's API only."""
    logs = settings.logs / "airflow"
    own = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"} if settings.executor is Executor.CELERY else {}
    return {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "AIRFLOW_CONFIG": str(REPOSITORY / "standalone" / "airflow.cfg"),
        "AIRFLOW__API__BASE_URL": settings.airflow_public_url or settings.airflow_url,
        "AIRFLOW__API__HOST": settings.listen,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "ATDB_URL": settings.atdb_public_url or settings.atdb_url,
        **own,
    }


def _broker(settings: Settings, credentials: Credentials) -> Environment:
    """Return where Celery's workers find their tasks, and where they write how these ended."""
    results = broker_url(settings, credentials, number=1)
    return {
        "AIRFLOW__CELERY__BROKER_URL": broker_url(settings, credentials),
        "AIRFLOW__CELERY__RESULT_BACKEND": results,
    }


def broker_url(settings: Settings, credentials: Credentials, number: int = 0) -> str:
    """Return the URL of one of Redis' databases."""
    return f"redis://:{credentials.redis['redis']}@{settings.redis_host}:{settings.redis_port}/{number}"


def _atdb_connection(settings: Settings, credentials: Credentials) -> Connection:
    login = {"login": "airflow", "password": credentials.atdb["airflow"]}
    return {"conn_type": "atdb", "host": settings.atdb_url, **login}


def _reports_connection(settings: Settings, credentials: Credentials) -> Connection:
    login = {"login": database.READER, "password": credentials.postgresql[database.READER], "schema": "atdb"}
    return {"conn_type": "postgres", "host": settings.postgres_host, "port": settings.postgres_port, **login}


def _airflow_connection(user: str) -> Callable[[Settings, Credentials], Connection]:
    def make(settings: Settings, credentials: Credentials) -> Connection:
        login = {"login": user, "password": credentials.airflow_ui[user]}
        return {"conn_type": "http", "host": settings.airflow_url, **login}

    return make


#: Airflow's connections by their ids. A process receives those that its tasks or triggers need, and no other.
_CONNECTIONS: Mapping[str, Callable[[Settings, Credentials], Connection]] = {
    "airflow_api": _airflow_connection("reconcile"),
    "airflow_listen": _airflow_connection("listen"),
    "archive_default": lambda settings, _: {"conn_type": "generic", "extra": {"url": settings.archive.as_uri()}},
    "atdb_default": _atdb_connection,
    "atdb_reports": _reports_connection,
    "telescope_default": lambda settings, _: {"conn_type": "http", "host": settings.telescope_url},
}
_OF_TELESCOPE = ("airflow_api", "atdb_default", "telescope_default")
_OF_TASKS = (*_OF_TELESCOPE, "archive_default", "atdb_reports")
#: With the connection `airflow_listen` runs are created: it is for the triggerer, and so for no task.
_OF_TRIGGERS = ("airflow_listen", "atdb_default", "telescope_default")


def _connected(settings: Settings, credentials: Credentials, ids: Sequence[str]) -> Environment:
    """Return the connections and what else tasks need; those that a site has set replace the stack's."""
    environment = {
        "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": json.dumps({"folder": str(settings.private_connections)}),
        "ATDB_DATA_ROOT": str(settings.data),
    }
    for connection_id in ids:
        environment[f"AIRFLOW_CONN_{connection_id.upper()}"] = _of_site(connection_id, credentials) or json.dumps(
            _CONNECTIONS[connection_id](settings, credentials)
        )
    return environment


def _of_site(connection_id: str, credentials: Credentials) -> str:
    """Return the site's own connection, as Airflow reads it; empty if the site has none."""
    if given := os.environ.get(SITE_VARIABLES.get(connection_id, "")):
        return given
    connection = credentials.site_connections.get(connection_id, "")
    return connection if isinstance(connection, str) else json.dumps(connection)


def _postgres(settings: Settings, _: Credentials) -> Program:
    return Program(database.server_command(settings))


def _api(settings: Settings, credentials: Credentials) -> Program:
    command = [
        *(_script("gunicorn"), "--config", "python:atdb_api.server"),
        *("--bind", f"{settings.listen}:{settings.atdb_port}", "atdb_api:create_app()"),
    ]
    # Each thread would keep a heap of its own, as large as the largest request that it has seen.
    environment = {
        **atdb_environment(settings, credentials),
        "ATDB_TRUSTED_PROXIES": str(settings.trusted_proxies),
        "MALLOC_ARENA_MAX": "2",
    }
    return Program(command, environment, after="atdb")


def _telescope(settings: Settings, credentials: Credentials) -> Program:
    environment = {
        "ATDB_URL": settings.atdb_url,
        "ATDB_USER": "telescope",
        "ATDB_SECRET": credentials.atdb["telescope"],
        "ATDB_DATA_ROOT": str(settings.data),
        "TELESCOPE_STATE": str(settings.telescope_state),
    }
    return Program([sys.executable, "-m", "standalone.simulator"], environment)


def _airflow(*arguments: str, connections: Sequence[str] = ()) -> Callable[[Settings, Credentials], Program]:
    """Make an Airflow process that has Airflow's database."""

    def make(settings: Settings, credentials: Credentials) -> Program:
        environment = airflow_environment(settings, credentials)
        if connections:
            environment |= _connected(settings, credentials, connections)
        return Program([_script("airflow"), *arguments], environment, after="airflow")

    return make


def _api_server(settings: Settings, credentials: Credentials) -> Program:
    made = _airflow("api-server", "--proxy-headers")(settings, credentials)
    if settings.trusted_proxies:
        # It listens where only the proxy and our own services are.
        made.environment["FORWARDED_ALLOW_IPS"] = "*"
    return made


def _scheduler(settings: Settings, credentials: Credentials) -> Program:
    """Make the scheduler; with its local executor, the tasks run in it."""
    connections = _OF_TASKS if settings.executor is Executor.LOCAL else ()
    return _airflow("scheduler", "--skip-serve-logs", connections=connections)(settings, credentials)


def _worker(
    queue: str, concurrency: int, connections: Sequence[str]
) -> Callable[[Settings, Credentials], Program]:
    """Make a worker of Celery: it has no login to any of Airflow's databases, and takes the tasks of one queue."""

    def make(settings: Settings, credentials: Credentials) -> Program:
        command = [
            *(_script("airflow"), "celery", "worker", "--skip-serve-logs", "--without-mingle", "--without-gossip"),
            *("--queues", queue, "--concurrency", str(concurrency)),
        ]
        environment = {
            **_of_any_airflow(settings),
            **_broker(settings, credentials),
            **_connected(settings, credentials, connections),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": NO_DATABASE,
        }
        return Program(command, environment)

    return make


# Logs are read from the folder that all processes share, so the log servers, which Airflow offers to every
# machine of the network, are left out.
_PROGRAMS: Mapping[str, Callable[[Settings, Credentials], Program]] = {
    "postgres": _postgres,
    "api": _api,
    "telescope": _telescope,
    "airflow-api-server": _api_server,
    "scheduler": _scheduler,
    "dag-processor": _airflow("dag-processor"),
    "triggerer": _airflow("triggerer", "--skip-serve-logs", connections=_OF_TRIGGERS),
}

#: With Celery, what runs tasks. Each has a process for every slot of its queue's pools, so that no task waits
#: within Celery.
_WORKERS: Mapping[str, Callable[[Settings, Credentials], Program]] = {
    "worker": _worker("default", pools.OTHER_SLOTS, _OF_TASKS),
    "worker-telescope": _worker("telescope", pools.SLOTS["telescope"], _OF_TELESCOPE),
}


def _script(name: str) -> str:
    """Give the path of a command that pip has put beside the interpreter that runs now."""
    return str(Path(sys.executable).parent / name)


def command_environment(settings: Settings, name: str, own: Environment) -> Environment:
    """Give the whole environment of a process: the minimal one, its own, and its marker."""
    return minimal_environment(settings) | own | processes.marker(settings, name)


def inherited_by_supervisor(settings: Settings) -> Environment:
    """Give supervisord's environment: what its processes, which start from it, must be able to read."""
    site = {name: os.environ[name] for name in SITE_VARIABLES.values() if name in os.environ}
    return command_environment(settings, processes.SUPERVISOR, site)
