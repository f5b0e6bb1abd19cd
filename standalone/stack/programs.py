"""The processes of the stack: the command of each, and the environment that only this process gets.

Secrets are passed in the environment only: never on a command line, in supervisord's configuration or in a log.
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

#: The variables that processes inherit from the environment in which the stack is started. No other variable, such
#: as a proxy, PYTHONPATH, or an AIRFLOW__ setting of another installation, affects the stack.
INHERITED: tuple[str, ...] = (
    *("ATDB_ANONYMOUS_ROLE", "ATDB_INSTRUMENT", "ATDB_REPORTS_ACCOUNT", "ATDB_RETRY_SECONDS", "ATDB_SITE_REPORTS"),
    *("ATDB_KEEP_AIRFLOW_DAYS", "ATDB_KEEP_CLAIMS_DAYS", "ATDB_KEEP_IDEMPOTENCY_KEYS_DAYS"),
    *("ATDB_KEEP_LOGS_DAYS", "ATDB_KEEP_SESSIONS_DAYS", "ATDB_OPTIONS", "ATDB_OVERLAPS", "ATDB_PAST_STARTS"),
    "ATDB_TRUSTED_HOSTS",
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"),
)

#: The URL of Airflow's database for a process that must not reach it.
NO_DATABASE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"

Environment = dict[str, str]
Connection = dict[str, object]


@dataclass(frozen=True)
class Program:
    """One process of the stack. `after` is the name of the preparation that must be complete before it starts."""

    command: list[str]
    environment: Environment = field(default_factory=dict, repr=False)
    after: str | None = None


def program(name: str, settings: Settings, credentials: Credentials) -> Program:
    """Return the process of a name; raises KeyError if the name is unknown, or if its secrets are missing."""
    return {**_PROGRAMS, **_WORKERS}[name](settings, credentials)


def names() -> list[str]:
    """List the names of the processes of a stack on one machine."""
    return list(_PROGRAMS)


def minimal_environment(settings: Settings, inherited: Mapping[str, str] = os.environ) -> Environment:
    """Return the environment that every process of the stack gets; it has no secrets."""
    return {
        **{name: inherited[name] for name in INHERITED if name in inherited},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONUNBUFFERED": "1",
        **settings.as_environment(),
    }


def atdb_environment(
    settings: Settings, credentials: Credentials, role: str = database.APPLICATION
) -> Environment:
    """Return the environment with which ATDB's API and its commands connect to the database as a role."""
    return {
        "ATDB_DATABASE_URL": database.url(settings, credentials, role, "atdb"),
        "AIRFLOW_URL": settings.airflow_public_url or settings.airflow_url,
    }


def airflow_environment(settings: Settings, credentials: Credentials) -> Environment:
    """Return the environment of a process that uses Airflow's database: settings that airflow.cfg cannot have."""
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


#: Every queued task has a process of a worker that can begin it. If none begins it, it was probably lost: the
#: connection to the worker was cut as Redis delivered the task. So Airflow queues it again, and all its attempts
#: fit within the claim (`times.CLAIM_SECONDS`).
_OF_CELERY = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "180",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "20",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "3",
}


def _of_any_airflow(settings: Settings) -> Environment:
    """Return the environment of every Airflow process; it is all that a worker needs for Airflow's API."""
    logs = settings.logs / "airflow"
    own = _OF_CELERY if settings.executor is Executor.CELERY else {}
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
    """Return the settings of the queue of Celery's tasks, and of the database of their results."""
    results = broker_url(settings, credentials, number=1)
    return {
        "AIRFLOW__CELERY__BROKER_URL": broker_url(settings, credentials),
        "AIRFLOW__CELERY__RESULT_BACKEND": results,
    }


def broker_url(settings: Settings, credentials: Credentials, number: int = 0) -> str:
    """Return the URL of a Redis database."""
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


#: Airflow's connections by id. A process gets only those that its tasks or triggers need.
_CONNECTIONS: Mapping[str, Callable[[Settings, Credentials], Connection]] = {
    "airflow_api": _airflow_connection("reconcile"),
    "airflow_listen": _airflow_connection("listen"),
    "archive_default": lambda settings, _: {"conn_type": "generic", "extra": {"url": settings.archive.as_uri()}},
    "atdb_default": _atdb_connection,
    "atdb_reports": _reports_connection,
    "telescope_default": lambda settings, _: {"conn_type": "http", "host": settings.telescope_url},
}
#: The variables in which a site can set its own connections, by connection id. Those of one DAG have no variable,
#: because no process may have them in its environment.
SITE_VARIABLES = {each: f"AIRFLOW_CONN_{each.upper()}" for each in SITE_CONNECTIONS if each in _CONNECTIONS}
_TELESCOPE_CONNECTIONS = ("airflow_api", "atdb_default", "telescope_default")
_TASK_CONNECTIONS = (*_TELESCOPE_CONNECTIONS, "archive_default", "atdb_reports")
#: The connection `airflow_listen` can create runs. Only the triggerer gets it, not the tasks.
_TRIGGER_CONNECTIONS = ("airflow_listen", "atdb_default", "telescope_default")


def _connected(settings: Settings, credentials: Credentials, ids: Sequence[str]) -> Environment:
    """Return the connections and other settings that tasks need; a site's connections replace the stack's."""
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
    """Return the site's own connection as Airflow reads it, or "" if the site has none."""
    return os.environ.get(SITE_VARIABLES.get(connection_id, "")) or credentials.of_site(connection_id)


def _postgres(settings: Settings, _: Credentials) -> Program:
    return Program(database.server_command(settings))


def _api(settings: Settings, credentials: Credentials) -> Program:
    command = [
        *(_script("gunicorn"), "--config", "python:atdb_api.server"),
        *("--bind", f"{settings.listen}:{settings.atdb_port}", "atdb_api:create_app()"),
    ]
    # With more arenas, each thread would keep a heap as large as the largest request that it has handled.
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
    """Return a function that creates an Airflow process with access to Airflow's database."""

    def make(settings: Settings, credentials: Credentials) -> Program:
        environment = airflow_environment(settings, credentials)
        if connections:
            environment |= _connected(settings, credentials, connections)
        return Program([_script("airflow"), *arguments], environment, after="airflow")

    return make


def _api_server(settings: Settings, credentials: Credentials) -> Program:
    made = _airflow("api-server", "--proxy-headers")(settings, credentials)
    if settings.trusted_proxies:
        # Only the proxy and the stack's own services can reach this port.
        made.environment["FORWARDED_ALLOW_IPS"] = "*"
    return made


def _scheduler(settings: Settings, credentials: Credentials) -> Program:
    """Return the scheduler; with the local executor, tasks run in it and need their connections."""
    connections = _TASK_CONNECTIONS if settings.executor is Executor.LOCAL else ()
    return _airflow("scheduler", "--skip-serve-logs", connections=connections)(settings, credentials)


def _worker(
    queue: str, concurrency: int, connections: Sequence[str]
) -> Callable[[Settings, Credentials], Program]:
    """Return a function that creates a Celery worker, which takes the tasks of one queue.

    A worker has no login to Airflow's database.
    """

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


# All processes share one log folder. So Airflow's log servers, which any machine in the network could reach, are
# off.
_PROGRAMS: Mapping[str, Callable[[Settings, Credentials], Program]] = {
    "postgres": _postgres,
    "api": _api,
    "telescope": _telescope,
    "airflow-api-server": _api_server,
    "scheduler": _scheduler,
    "dag-processor": _airflow("dag-processor"),
    "triggerer": _airflow("triggerer", "--skip-serve-logs", connections=_TRIGGER_CONNECTIONS),
}

#: The workers that run tasks with Celery. Each has one process per slot of its queue's pools, so that no task
#: waits in Celery.
_WORKERS: Mapping[str, Callable[[Settings, Credentials], Program]] = {
    "worker": _worker("default", pools.OTHER_SLOTS, _TASK_CONNECTIONS),
    "worker-telescope": _worker("telescope", pools.SLOTS["telescope"], _TELESCOPE_CONNECTIONS),
}


def _script(name: str) -> str:
    """Return the path of a command in the folder of the current interpreter, where pip installed it."""
    return str(Path(sys.executable).parent / name)


def command_environment(settings: Settings, name: str, own: Environment) -> Environment:
    """Return the whole environment of a process: the minimal one, its own variables, and its marker."""
    return minimal_environment(settings) | own | processes.marker(settings, name)


def inherited_by_supervisor(settings: Settings) -> Environment:
    """Return supervisord's environment, with the variables that its child processes read."""
    site = {name: os.environ[name] for name in SITE_VARIABLES.values() if name in os.environ}
    return command_environment(settings, processes.SUPERVISOR, site)
