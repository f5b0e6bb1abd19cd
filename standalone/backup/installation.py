"""What a backup needs to know of an installation: of `make up`, or of the containers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from standalone.settings import REPOSITORY


class Installation(ABC):
    """ATDB and Airflow with one PostgreSQL server."""

    #: The name in the manifest.
    kind: str
    #: What an operator does after a restore, as a sentence.
    next_step: str
    #: The working directory of its commands.
    folder = REPOSITORY

    @property
    @abstractmethod
    def secrets(self) -> Path:
        """The file of all passwords and keys."""

    @property
    def lock(self) -> Path:
        """The file that a backup or restore locks, so that only one is in progress."""
        return self.secrets.with_name("backup.lock")

    @property
    @abstractmethod
    def files(self) -> Mapping[str, Path]:
        """The site's files, except the secrets, by their names in a backup. Each file can be missing."""

    @abstractmethod
    def settings(self) -> str:
        """Return the settings that are in no file, as lines for a shell; empty if there are none."""

    @abstractmethod
    def program(self, name: str, connection: str, role: str) -> tuple[list[str], dict[str, str]]:
        """Return the command and the environment of a PostgreSQL program that connects as a role.

        `connection` is a libpq connection string without the server's host and port. The command has no password.
        """

    @abstractmethod
    def require_database(self) -> None:
        """Raise BackupError if the database server is not running."""

    @abstractmethod
    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all services that use the database for the context; raises BackupError if that is not possible."""

    @abstractmethod
    def reset_superuser(self) -> None:
        """Set the password of the database's superuser from the secrets, without the former one.

        The caller has stopped all services that use the database.
        """

    @abstractmethod
    @contextmanager
    def without_services(self) -> Iterator[None]:
        """Run the database server alone, without services that use it, for the context.

        Its superuser gets the password of the secrets. Raises BackupError if any of this is not possible.
        """

    @abstractmethod
    def prepare_role(self, role: str) -> None:
        """Create the role that will own a database if it is missing. The server must be running."""

    @abstractmethod
    def secrets_changed(self) -> None:
        """Update the files that derive from the secrets, after the secrets have changed."""
