"""The installation of docker-compose.yaml; PostgreSQL's programs run in the container of the database server."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from standalone.backup.errors import BackupError
from standalone.backup.installation import Installation
from standalone.backup.postgresql import Session
from standalone.containers import secrets
from standalone.containers.variables import public_host, secrets_folder
from standalone.credentials import Credentials
from standalone.stack import database

_START_SECONDS = 180.0
_READY = ("exec", "-T", "postgres", "pg_isready", "--quiet", "--username=postgres", "--host=127.0.0.1")


class ContainerInstallation(Installation):
    """The containers of one Compose project."""

    kind = "containers"
    next_step = "To start the containers, run: docker compose up -d"

    @property
    def secrets(self) -> Path:
        """The file of all passwords and keys."""
        return self._secrets_folder / "secrets.json"

    @property
    def files(self) -> Mapping[str, Path]:
        """The settings and the certificate; the first file names the folder of the others."""
        return {
            "env": self.folder / ".env",
            "docker-compose.override.yaml": self.folder / "docker-compose.override.yaml",
            "certificate.pem": self._secrets_folder / "tls" / "certificate.pem",
            "key.pem": self._secrets_folder / "tls" / "key.pem",
        }

    def settings(self) -> str:
        """Return no settings: all are in the file .env."""
        return ""

    def program(self, name: str, connection: str, role: str) -> tuple[list[str], dict[str, str]]:  # noqa: ARG002
        """Return the command that runs a program in the database's container. There, it needs no password."""
        return [*compose_command(), "exec", "-T", "postgres", name, f"--dbname={connection}"], dict(os.environ)

    def require_database(self) -> None:
        """Raise BackupError if the database server is not running."""
        if not self.secrets.exists():
            raise BackupError(
                f"{self.secrets} is missing. Set ATDB_SECRETS_FOLDER to its folder, or run: make secrets"
            )
        done = self._run(*_READY)
        if done.returncode:
            raise BackupError(
                f"The container postgres is not ready ({_message(done)}). Start it: docker compose up -d"
            )

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all containers except postgres."""
        if self._require("ps", "--all", "--quiet"):
            services = self._require("config", "--services").split()
            self._require("stop", *(name for name in services if name != "postgres"))
        yield

    @contextmanager
    def without_services(self) -> Iterator[None]:
        """Stop all containers except postgres, which continues to run."""
        with self.stopped():
            self.reset_superuser()
            yield

    def reset_superuser(self) -> None:
        """Change the password in a session that needs no password."""
        self._start_database()
        password = Credentials.read(self.secrets).postgresql["postgres"]
        with Session(self, "postgres") as session:
            for statement in database.superuser_password(password):
                session.execute(statement)

    def running(self) -> list[str]:
        """List the services that are running."""
        return self._require("ps", "--services", "--filter", "status=running").split()

    def start(self, services: list[str]) -> None:
        """Start services, and the services on which they depend."""
        self._require("up", "--detach", *services)

    def _start_database(self) -> None:
        self._require("up", "--detach", "--no-deps", "postgres")
        deadline = time.monotonic() + _START_SECONDS
        while (done := self._run(*_READY)).returncode:
            if time.monotonic() > deadline:
                raise BackupError(
                    f"The container postgres is not ready after {_START_SECONDS:.0f} s ({_message(done)}). "
                    "Read its log: docker compose logs postgres"
                )
            time.sleep(1)

    def prepare_role(self, role: str) -> None:
        """Create the role without a password; the next start of the containers sets it."""
        with Session(self, "postgres") as session:
            if not session.execute(f"select 1 from pg_roles where rolname = '{role}'"):  # noqa: S608 - our own
                session.execute(f"create role {role} login")

    def secrets_changed(self) -> None:
        """Write each service's part of the secrets."""
        secrets.write(self._secrets_folder, public_host(self.folder))

    @property
    def _secrets_folder(self) -> Path:
        return secrets_folder(self.folder)

    def _require(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise BackupError(f"docker compose {' '.join(arguments)} failed: {_message(done)}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*compose_command(), "--profile", "simulator", *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@cache
def compose_command() -> tuple[str, ...]:
    """Return the command of Compose: `docker compose`, or `docker-compose` if only version 1 is installed."""
    try:
        version = ["docker", "compose", "version"]
        if subprocess.run(version, capture_output=True, check=False).returncode == 0:
            return ("docker", "compose")
        subprocess.run(["docker-compose", "version"], capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise BackupError(
            f"Docker with Compose is not installed: {error.filename} is missing. Install it."
        ) from None
    return ("docker-compose",)


def _message(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of a command's output: version 1 of Compose prints a traceback before it."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"
