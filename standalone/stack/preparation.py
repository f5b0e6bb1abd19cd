"""Prepare the databases after PostgreSQL has started, and before the processes that need them start."""

import json
import subprocess
import sys
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO

from standalone.credentials import Credentials
from standalone.files import write_private
from standalone.settings import DEFAULT_STATE, REPOSITORY, Settings
from standalone.stack import database, pools, programs

NAMES = ("prepare-atdb", "prepare-airflow")


class PreparationError(Exception):
    """A preparation failed. The message is the name of the preparation, and its log has this name."""


def prepare_atdb(settings: Settings, credentials: Credentials) -> None:
    """Upgrade ATDB's database, allow its API to start, and set the secrets of its accounts."""
    database.prepare_owner(settings, credentials, "atdb")
    database.prepare_application(settings, credentials)
    database.prepare_reader(settings, credentials)
    database.prepare_login(settings, credentials, "maintenance", database="atdb")
    as_owner = programs.atdb_environment(settings, credentials, role=database.OWNERS["atdb"])
    environment = programs.atdb_environment(settings, credentials)
    with log_of(settings, "prepare-atdb").open("w", encoding="utf-8") as log:
        _run(settings, "prepare-atdb", ["flask", "--app", "atdb_api", "migrate"], as_owner, log)
        _allow(settings, "atdb")
        command = ["python", "-m", "standalone.accounts"]
        secrets = json.dumps(dict(credentials.atdb))
        _run(settings, "prepare-atdb", command, environment, log, stdin=secrets)


def publish_static_files(settings: Settings, credentials: Credentials, folder: Path) -> None:
    """Copy the static files of ATDB's pages to a folder from which a web server can serve them."""
    environment = programs.atdb_environment(settings, credentials)
    with log_of(settings, "prepare-atdb").open("a", encoding="utf-8") as log:
        command = ["flask", "--app", "atdb_api", "static-files", str(folder)]
        _run(settings, "prepare-atdb", command, environment, log)


def prepare_airflow(settings: Settings, credentials: Credentials) -> None:
    """Upgrade Airflow's database, and allow its processes to start.

    The database has a note of the version that it was migrated to. With the note, a start of the same version
    saves the seconds that Airflow needs to find this out.
    """
    database.prepare_owner(settings, credentials, "airflow")
    environment = programs.airflow_environment(settings, credentials)
    with log_of(settings, "prepare-airflow").open("w", encoding="utf-8") as log:
        if database.note(settings, credentials, "airflow") != migrated():
            _run(settings, "prepare-airflow", ["airflow", "db", "migrate"], environment, log)
            database.set_note(settings, credentials, "airflow", migrated())
        if "," in credentials.airflow_keys["fernet_key"]:
            # Encrypt with the first key the values that a former key has encrypted. A failure stops nothing,
            # because the former keys still decrypt these values. The log names a value that no key decrypts.
            with suppress(PreparationError):
                _run(settings, "prepare-airflow", ["airflow", "rotate-fernet-key"], environment, log)
    _prepare_maintenance(settings, credentials)
    _make_pools(settings, credentials)
    _allow(settings, "airflow")


def migrated() -> str:
    """Return the note on an Airflow database that this version of Airflow has migrated."""
    return f"migrated by Airflow {version('apache-airflow-core')}"


def _prepare_maintenance(settings: Settings, credentials: Credentials) -> None:
    """Grant the role of Airflow's maintenance its rights on the tables that the migration has created."""
    database.prepare_login(settings, credentials, "airflow_maintenance", database="airflow")
    grants = (REPOSITORY / "sql" / "maintenance" / "airflow_role.sql").read_text(encoding="utf-8")
    with closing(database.connect(settings, credentials, "airflow")) as opened, opened, opened.cursor() as cursor:
        cursor.execute(grants)


def _make_pools(settings: Settings, credentials: Credentials) -> None:
    """Create missing pools; existing pools stay as they are, because an operator may have changed them.

    A task whose pool is missing would never start. Airflow's own command for this takes seconds at each start, and
    would change existing pools.
    """
    with closing(database.connect(settings, credentials, "airflow")) as opened, opened, opened.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO slot_pool (pool, slots, description, include_deferred) VALUES (%s, %s, %s, false) "
            "ON CONFLICT (pool) DO NOTHING",
            [(name, slots, f"Tasks of {name}") for name, slots in pools.SLOTS.items()],
        )
        # In a database of an older version, default_pool has Airflow's own default, unless an operator changed it.
        cursor.execute(
            "UPDATE slot_pool SET slots = %s WHERE pool = 'default_pool' AND slots = %s",
            (pools.DEFAULT_SLOTS, pools.SLOTS_OF_AIRFLOW),
        )


def write_client_configuration(settings: Settings, credentials: Credentials) -> None:
    """Configure the commands of this virtual environment for the stack, if its state folder is the default one."""
    if settings.state != DEFAULT_STATE:
        return
    path = Path(sys.prefix) / "etc" / "atdb" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(
        path,
        "# Written at each start of the standalone stack.\n"
        'default_host = "prod"\n\n'
        "[hosts.prod]\n"
        f'url = "{settings.atdb_url}"\n'
        'user = "astronomer"\n'
        f'secret = "{credentials.atdb["astronomer"]}"\n',
    )


def log_of(settings: Settings, name: str) -> Path:
    """Return the log of a preparation."""
    return settings.logs / f"{name}.log"


def _allow(settings: Settings, preparation: str) -> None:
    (settings.run / preparation).touch()


def _run(
    settings: Settings,
    name: str,
    command: list[str],
    own: programs.Environment,
    log: IO[str],
    *,
    stdin: str = "",
) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        env=programs.command_environment(settings, name, own),
        cwd=REPOSITORY,
        input=stdin,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PreparationError(name)
