"""The passwords and keys of one stack: generated at random once, kept in secrets.json of its state folder."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from standalone.files import write_private


def _password() -> str:
    """Return a new password that needs no quoting in a URL."""
    return secrets.token_urlsafe(24)


def _jwt_secret() -> str:
    return secrets.token_urlsafe(96)  # Airflow signs with HS512, which requires 64 bytes or more


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


#: Connections that a site can set itself, in place of the stack's. No secret is generated for them.
SITE_CONNECTIONS = ("airflow_listen", "archive_default", "atdb_default", "atdb_operate", "telescope_default")

# Section -> name -> the function that generates it. People look up passwords in this file, so theirs come first.
_LAYOUT: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "airflow_ui": dict.fromkeys(("admin", "reconcile", "listen"), _password),
    "atdb": dict.fromkeys(("operator", "admin", "astronomer", "airflow", "operate", "telescope"), _password),
    "postgresql": dict.fromkeys(
        ("postgres", "atdb_owner", "atdb", "airflow", "reports", "maintenance", "airflow_maintenance"), _password
    ),
    "redis": {"redis": _password},
    "airflow_keys": {"fernet_key": _fernet_key, "jwt_secret": _jwt_secret, "secret_key": _password},
}


class CredentialsError(ValueError):
    """The file of the secrets cannot be used; the message names the file, and no secret."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """The contents of secrets.json; without a repr, so that no log can show them."""

    airflow_ui: Mapping[str, str]
    atdb: Mapping[str, str]
    postgresql: Mapping[str, str]
    redis: Mapping[str, str]
    airflow_keys: Mapping[str, str]
    site_connections: Mapping[str, object]
    """By id: JSON or a URL, as Airflow writes a connection."""

    def of_site(self, connection_id: str) -> str:
        """Return the site's own connection as Airflow reads it, or "" if the site has none."""
        connection = self.site_connections.get(connection_id, "")
        return connection if isinstance(connection, str) else json.dumps(connection)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `prepare` has written, or a part of one, which has only some of the secrets.

        Raises CredentialsError if the file is not JSON, or if a site's connection is not valid.
        """
        known = _known(path)
        return cls(**{section: known.get(section, {}) for section in _LAYOUT}, site_connections=_of_site(known))

    @classmethod
    def prepare(cls, path: Path) -> Self:
        """Read the file; create it if it is missing, and add secrets that an older version did not have.

        Existing secrets are never changed: the database and the accounts were created with them.
        """
        known = _known(path) if path.exists() else {}
        complete = {
            section: {name: known.get(section, {}).get(name) or make() for name, make in names.items()}
            for section, names in _LAYOUT.items()
        }
        complete["site_connections"] = _of_site(known)
        if complete != known:
            write_private(path, json.dumps(complete, indent=2) + "\n")
        path.chmod(0o600)
        return cls(**complete)

    @classmethod
    def renew(cls, path: Path) -> Self:
        """Replace all passwords and keys in the file.

        The former Fernet keys stay after the new one, so that Airflow can still decrypt. The site's connections
        stay too: their passwords belong to other systems.
        """
        former = cls.prepare(path)
        renewed: dict[str, dict[str, Any]] = {
            section: {name: make() for name, make in names.items()} for section, names in _LAYOUT.items()
        }
        renewed["airflow_keys"]["fernet_key"] += f",{former.airflow_keys['fernet_key']}"
        renewed["site_connections"] = dict(former.site_connections)
        write_private(path, json.dumps(renewed, indent=2) + "\n")
        return cls(**renewed)


def _known(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(known, dict):
            raise ValueError("it is not an object")
        _of_site(known)
    except ValueError as error:
        raise CredentialsError(f"{path} cannot be used: {error}") from None
    return known


def _of_site(known: Mapping[str, Any]) -> dict[str, object]:
    """Return the site's connections; raises ValueError with a message that quotes no password."""
    connections = known.get("site_connections", {})
    if not isinstance(connections, dict) or not connections.keys() <= set(SITE_CONNECTIONS):
        raise ValueError(f"site_connections must be an object with some of: {', '.join(SITE_CONNECTIONS)}")
    for connection_id, connection in connections.items():
        if not isinstance(connection, str | dict):
            raise ValueError(f"site_connections: {connection_id} must be an object or a URL")
    return connections
