"""The entry point of the images: `python -m standalone.containers.entry_point SERVICE` becomes one service.

The service's secrets are in the file that ATDB_SECRETS names. The process gets them in its environment, as on one
machine, so they are neither in the container's configuration nor on a command line.
"""

import json
import os
import sys
from collections.abc import Callable

import psycopg2

from atdb_interface.instruments import InstrumentError, instrument
from standalone.containers.services import PROCESSES, service_file
from standalone.containers.variables import require_public_url
from standalone.credentials import Credentials
from standalone.files import write_private
from standalone.settings import REPOSITORY, Settings, SettingsError
from standalone.stack import preparation, private_connections, programs


def _migrate_atdb(settings: Settings, credentials: Credentials) -> None:
    """Prepare ATDB's database, and copy the static files to the volume from which nginx serves them."""
    preparation.prepare_atdb(settings, credentials)
    preparation.publish_static_files(settings, credentials, settings.state / "static")


#: Services that run once, before the others. Each needs the packages of its image.
MIGRATIONS: dict[str, Callable[[Settings, Credentials], None]] = {
    "migrate": _migrate_atdb,
    "migrate-airflow": preparation.prepare_airflow,
}


def main(service: str) -> None:
    """Run a migration, or replace this program with the process of a service."""
    try:
        settings = Settings.from_environment()
        require_public_url(settings)
        instrument()
        if service in ("worker", "airflow-dag-processor"):
            from standalone.stack import task_settings  # noqa: PLC0415 - the other image does not have the tasks

            task_settings.check()
        credentials = Credentials.read(settings.credentials)
    except (SettingsError, InstrumentError, OSError, ValueError) as error:
        raise SystemExit(f"{service}: {error}") from None
    for folder in (settings.logs, settings.run, settings.airflow_home):
        folder.mkdir(mode=0o700, exist_ok=True)
    if service in MIGRATIONS:
        _migrate(service, settings, credentials)
        return
    service_file(settings).write_text(service, encoding="utf-8")
    name = PROCESSES[service]
    if name == "airflow-api-server":
        write_private(settings.airflow_passwords, json.dumps(dict(credentials.airflow_ui)))
    try:
        if name == "worker":
            private_connections.write(settings, credentials)
        wanted = programs.program(name, settings, credentials)
    except KeyError as missing:
        raise SystemExit(f"{service}: its secrets lack {missing}. To complete them, run: make secrets") from None
    os.chdir(REPOSITORY)
    environment = programs.minimal_environment(settings) | wanted.environment
    os.execve(wanted.command[0], wanted.command, environment)  # noqa: S606 - no shell is meant


def _migrate(service: str, settings: Settings, credentials: Credentials) -> None:
    try:
        MIGRATIONS[service](settings, credentials)
    except preparation.PreparationError as error:
        log = preparation.log_of(settings, str(error))
        raise SystemExit(f"{error} failed:\n{log.read_text(encoding='utf-8', errors='replace')}") from None
    except psycopg2.OperationalError as error:
        raise SystemExit(
            f"{service}: {str(error).strip()}\nIf the password is wrong, the secrets do not belong to this "
            "database. Restore them, or replace all: make rotate-secrets STACK=containers"
        ) from None


if __name__ == "__main__":
    main(sys.argv[1])
