"""A deployment of docker-compose.yaml with its own project, port and secrets, controlled from the host."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standalone.backup.containers import compose_command
from standalone.credentials import Credentials
from standalone.settings import HOST, REPOSITORY
from tests.specifications import RULES

PROJECT = "atdb-test"
PRODUCT_BYTES = 3 << 19  # 40 products per observation: 20 observations have more than 1 GiB
#: How long to wait while nothing changes.
STALL_SECONDS = 300.0


@dataclass(frozen=True)
class Container:
    """A container of the deployment, as Docker describes it."""

    service: str
    described: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.described["Id"])

    @property
    def pid(self) -> int:
        """The process id of its first process on the host."""
        return int(self.described["State"]["Pid"])

    @property
    def started(self) -> str:
        return str(self.described["State"]["StartedAt"])

    @property
    def state(self) -> str:
        """healthy, starting or unhealthy; without a health check, running or exited."""
        state = self.described["State"]
        return str(state["Health"]["Status"] if state["Running"] and "Health" in state else state["Status"])

    def kill(self) -> None:
        """Kill its first process from the host: the restart policy applies, as after a crash."""
        os.kill(self.pid, 9)


class Deployment:
    """The containers of one project."""

    def __init__(self, folder: Path) -> None:
        self.checkout = REPOSITORY
        self.secrets = folder / "secrets"
        self.port = _free_port()
        self.url = f"https://localhost:{self.port}"
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": PROJECT,
            "ATDB_SECRETS_FOLDER": str(self.secrets),
            "ATDB_HTTPS_PORT": str(self.port),
            "ATDB_PUBLIC_URL": self.url,
            "TELESCOPE_PRODUCT_BYTES": str(PRODUCT_BYTES),
            "ATDB_RETRY_SECONDS": "1",
            **RULES,
        }

    def use(self, checkout: Path, version: str) -> None:
        """Use the containers of a checkout from now on, and complete the secrets with it."""
        self.checkout = checkout
        self._environment["ATDB_VERSION"] = version
        self.python("standalone.containers.secrets", str(self.secrets))
        self.compose("build", "-q", "migrate", "migrate-airflow")

    @property
    def credentials(self) -> Credentials:
        return Credentials.read(self.secrets / "secrets.json")

    @property
    def certificate(self) -> Path:
        return self.secrets / "tls" / "certificate.pem"

    def python(self, *arguments: str) -> str:
        """Run a module of the checkout on the host, with the variables of the deployment."""
        return self._run([sys.executable, "-m", *arguments], check=True)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run Compose; raises an exception with its error message."""
        return self._run([*compose_command(), "--profile", "simulator", *arguments], check=check)

    def docker(self, *arguments: str, check: bool = True) -> str:
        return self._run(["docker", *arguments], check=check)

    def memory(self) -> str:
        """Return a line per container with its memory usage."""
        ids = [each.id for each in self.containers() if each.pid]
        return self.docker("stats", "--no-stream", "--format", "  {{.Name}} {{.MemUsage}}", *ids)

    def _run(self, command: list[str], *, check: bool) -> str:
        done = subprocess.run(
            command, env=self._environment, cwd=self.checkout, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def containers(self) -> list[Container]:
        """Describe all containers of the project, also those that have ended."""
        ids = self.docker(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}"
        ).split()
        described = json.loads(self.docker("inspect", *ids)) if ids else []
        label = "com.docker.compose.service"
        return [Container(each["Config"]["Labels"][label], each) for each in described]

    def container(self, service: str) -> Container:
        return next(each for each in self.containers() if each.service == service)

    def await_healthy(self, *services: str) -> None:
        """Wait, while anything changes, until these services, or all, are healthy.

        Raises AssertionError with the logs of unhealthy ones.
        """
        before, since = None, time.monotonic()
        while True:
            states = {each.service: each.state for each in self.containers()}
            states = {service: states[service] for service in services or states}
            ill = {
                service: state
                for service, state in states.items()
                if state != ("exited" if service.startswith("migrate") else "healthy")
            }
            if states and not ill:
                return
            if states != before:
                before, since = states, time.monotonic()
            if time.monotonic() - since > STALL_SECONDS:
                logs = self.compose("logs", "--tail", "30", "--no-color", *ill, check=False)
                raise AssertionError(f"no change for {STALL_SECONDS:.0f} s: {ill}\n{logs}")
            time.sleep(1)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Yield a deployment without old volumes, and remove it at the end."""
    deployment = Deployment(folder)
    deployment.compose("down", "--volumes", "--remove-orphans", check=False)
    try:
        yield deployment
    finally:
        deployment.compose("down", "--volumes", "--remove-orphans", check=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
