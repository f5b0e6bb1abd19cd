"""Where the doctor runs, and how an operator reaches each service from there."""

from dataclasses import dataclass
from pathlib import Path

from standalone.containers.services import PROCESSES
from standalone.credentials import Credentials
from standalone.settings import Executor, Settings
from standalone.stack.programs import Program, program

#: Where Compose mounts a service's secrets.
_SECRETS_OF_CONTAINERS = Path("/run/secrets")
_SERVICES = {process: service for service, process in PROCESSES.items()}


def is_container(settings: Settings) -> bool:
    """Return whether this is one of the containers of docker-compose.yaml."""
    return settings.credentials.is_relative_to(_SECRETS_OF_CONTAINERS)


@dataclass(frozen=True)
class Location:
    """One machine with a stack of `make up`, or the container of the service `worker`."""

    settings: Settings
    credentials: Credentials

    @property
    def is_container(self) -> bool:
        """Whether the other services are in other containers."""
        return is_container(self.settings)

    def tasks(self) -> Program:
        """Return the process in which tasks run, with the connections that they use.

        Raises KeyError if a secret of that process is missing here.
        """
        name = "worker" if self.settings.executor is Executor.CELERY else "scheduler"
        return program(name, self.settings, self.credentials)

    def look_at(self, process: str) -> str:
        """Format how to find out whether a process of the stack runs, and if not, why."""
        if self.is_container:
            service = _SERVICES.get(process, process)
            return f"Run `docker compose ps {service}` and `docker compose logs --tail 50 {service}`"
        return f"Run `make status`, and read {self.settings.logs / process}.log"

    def start(self, process: str = "") -> str:
        """Return the commands that start `process`; if `process` is empty, all processes.

        `make up` refuses to start a stack of which a part is running.
        """
        if self.is_container:
            return f"`{' '.join(['docker compose up -d', *filter(None, [_SERVICES.get(process, process)])])}`"
        return "`make down` and `make up`"

    def restart(self, process: str) -> str:
        """Format how to restart a process of the stack that hangs."""
        if self.is_container:
            return f"`docker compose restart {_SERVICES.get(process, process)}`"
        return "`make down` and `make up`"

    def page(self, path: str) -> str:
        """Return the URL of a page of ATDB in a browser."""
        return f"{self.settings.atdb_public_url or self.settings.atdb_url}{path}"

    def administer(self, command: str) -> str:
        """Return the command that runs a command of ATDB's administrator."""
        if self.is_container:
            return f"`make admin STACK=containers DO='{command}'` on the host"
        return f"`make admin DO='{command}'`"

    def prepare(self, database: str) -> str:
        """Return the commands that upgrade a database, and set the passwords of its logins from the secrets."""
        if self.is_container:
            return f"`docker compose run --rm {'migrate' if database == 'atdb' else 'migrate-airflow'}`"
        return "`make down` and `make up`"
