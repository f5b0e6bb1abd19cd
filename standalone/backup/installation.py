"""What a backup needs to know of an installation, be it `make up` or the containers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from standalone.settings import REPOSITORY


class Installation(ABC):
    """ATDB and Airflow with one PostgreSQL server."""

    #: As the manifest names it.
    kind: str
    #: What an operator does after a restore.
    next_step: str
    #: From where its commands run.
    folder = REPOSITORY

    @property
    @abstractmethod
    def secrets(self) -> Path:
        """The file of all passwords and keys."""

    @property
    def lock(self) -> Path:
        """The file that a backup or a restore locks, so that only one is in progress."""
        return self.secrets.with_name("backup.lock")

    @property
    @abstractmethod
    def files(self) -> Mapping[str, Path]:
        """The files of the site, without the secrets, by their names in a backup. One may be missing."""

    @abstractmethod
    def settings(self) -> str:
        """Return the settings that are in no file, as lines for a shell; empty if all are in files."""

    @abstractmethod
    def program(self, name: str, connection: str, role: str) -> tuple[list[str], dict[str, str]]:
        """Return the command and the environment of a PostgreSQL program that connects as a role.

        `connection` is a libpq connection string without the server's address. No password is in the command.
        """

    @abstractmethod
    def require_database(self) -> None:
        """Raise BackupError if the database server is not running."""

    @abstractmethod
    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Enter while nothing runs that uses the database; raises BackupError if that cannot be achieved."""

    @abstractmethod
    def reset_superuser(self) -> None:
        """Set the password of the database's superuser to that of the secrets; the former one is not needed.

        The caller has stopped what uses the database.
        """

    @abstractmethod
    @contextmanager
    def without_services(self) -> Iterator[None]:
        """Run the database server, and nothing that uses it, while the context is entered.

        Its superuser then has the password of the secrets, whichever it had. Raises BackupError if that cannot be
        achieved.
        """

    @abstractmethod
    def prepare_role(self, role: str) -> None:
        """Create the role that will own a database, if it is missing. The server must be running."""

    @abstractmethod
    def secrets_changed(self) -> None:
        """Derive what is made from the secrets again, after a restore has written them."""
