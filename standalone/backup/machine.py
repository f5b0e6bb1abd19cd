"""The installation of `make up`: the embedded PostgreSQL and one state folder."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack import database, processes, programs
from standalone.stack.stack import Stack, StackError

_START_SECONDS = 180.0


class MachineInstallation(Installation):
    """What `make up` runs on this machine, with one state folder."""

    kind = "make up"
    next_step = "To start the stack, run: make up"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def secrets(self) -> Path:
        """The file of all passwords and keys."""
        return self._settings.credentials

    @property
    def files(self) -> Mapping[str, Path]:
        """None: the settings are in the environment."""
        return {}

    def settings(self) -> str:
        """Return the environment from which `make up` reads the same settings, and a site's own connections."""
        names = [name for name in programs.INHERITED if name.startswith("ATDB_")]
        site = {
            name: os.environ[name] for name in (*names, *programs.SITE_VARIABLES.values()) if name in os.environ
        }
        known = self._settings.as_environment() | site
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in known.items() if value)

    def program(self, name: str, connection: str, role: str) -> tuple[list[str], dict[str, str]]:
        """Return a program of the embedded PostgreSQL; the password is in its environment."""
        server = f"host={self._settings.postgres_host} port={self._settings.postgres_port}"
        environment = {
            "PATH": os.defpath,
            "PGPASSWORD": self._credentials().postgresql[role],
            "PGCONNECT_TIMEOUT": "30",
        }
        return [database.binary(name), f"--dbname={server} {connection}"], environment

    def require_database(self) -> None:
        """Raise BackupError if the database server is not running."""
        if not self.secrets.exists():
            raise BackupError(f"There is no stack in {self._settings.state}. To start one, run: make up")
        if reason := self._unready():
            raise BackupError(f"The database is not running ({reason.strip()}). Start the stack: make up")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Prevent the stack from starting; raises BackupError if it is running."""
        settings = self._settings
        settings.state.mkdir(parents=True, exist_ok=True)
        try:
            with Stack(settings).alone():
                if processes.find(settings):
                    raise BackupError(f"The stack of {settings.state} is running. Stop it: make down")
                settings.logs.mkdir(mode=0o700, exist_ok=True)
                yield
        except (StackError, database.DatabaseError) as error:
            raise BackupError(str(error)) from None

    @contextmanager
    def without_services(self) -> Iterator[None]:
        """Run the database server alone; raises BackupError if the stack is running."""
        with self.stopped():
            database.initialise(self._settings, self._credentials())
            self.reset_superuser()
            with self._postgres():
                yield

    def reset_superuser(self) -> None:
        """Change the password while the server is stopped."""
        database.reset_superuser(self._settings, self._credentials())

    @contextmanager
    def _postgres(self) -> Iterator[None]:
        settings, log = self._settings, self._settings.logs / "postgres.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "standalone.stack.start_process", "postgres"],
                env=programs.command_environment(settings, "postgres", {}),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C must reach only the restore, which then stops the server
            )
        try:
            deadline = time.monotonic() + _START_SECONDS
            while reason := self._unready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BackupError(f"PostgreSQL does not start ({reason.strip()}). Read its log: {log}")
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()

    def prepare_role(self, role: str) -> None:
        """Create the role, with its password."""
        database.prepare_role(self._settings, self._credentials(), role)

    def secrets_changed(self) -> None:
        """Add the secrets that the version of the backup did not have."""
        Credentials.prepare(self.secrets)

    def _credentials(self) -> Credentials:
        return Credentials.read(self.secrets)

    def _unready(self) -> str:
        try:
            return database.unready(self._settings, self._credentials())
        except database.DatabaseError as error:
            raise BackupError(str(error)) from None
