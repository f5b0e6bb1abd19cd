"""The passwords and keys of one stack: made at random once, kept in state/secrets.json."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from standalone.files import write_private


def _password() -> str:
    """Give a password that needs no quoting in a URL."""
    return secrets.token_urlsafe(24)


def _jwt_secret() -> str:
    return secrets.token_urlsafe(96)  # Airflow signs with HS512, which wants 64 bytes or more


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


#: Connections that a site may have of its own, in the place of the stack's. Nothing is made here for them.
SITE_CONNECTIONS = ("airflow_listen", "archive_default", "atdb_default", "telescope_default")

# Section -> name -> how it is made. Read by people too, who look up a password: theirs come first.
_LAYOUT: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "airflow_ui": dict.fromkeys(("admin", "reconcile", "listen"), _password),
    "atdb": dict.fromkeys(("operator", "admin", "astronomer", "airflow", "telescope"), _password),
    "postgresql": dict.fromkeys(
        ("postgres", "atdb_owner", "atdb", "airflow", "reports", "maintenance", "airflow_maintenance"), _password
    ),
    "redis": {"redis": _password},
    "airflow_keys": {"fernet_key": _fernet_key, "jwt_secret": _jwt_secret, "secret_key": _password},
}


class CredentialsError(ValueError):
    """The file of the secrets cannot be used; the message names it, and no secret."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """What secrets.json holds; has no repr, so that no log can show it."""

    airflow_ui: Mapping[str, str]
    atdb: Mapping[str, str]
    postgresql: Mapping[str, str]
    redis: Mapping[str, str]
    airflow_keys: Mapping[str, str]
    site_connections: Mapping[str, object]
    """By their ids: JSON or a URL, as Airflow writes a connection."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `prepare` has written, or a part of one: what is not in it cannot be asked for.

        Raises CredentialsError for what is not JSON, and for a site's connection that cannot be one.
        """
        known = _known(path)
        return cls(**{section: known.get(section, {}) for section in _LAYOUT}, site_connections=_of_site(known))

    @classmethod
    def prepare(cls, path: Path) -> Self:
        """Read the file; make it, or what an older version did not have in it, where that is missing.

        What is there is never changed: the database and the accounts were made with it.
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
        """Replace all passwords and keys in the file; with the former Fernet keys, Airflow can still decrypt.

        Connections of the site stay: their passwords are those of other systems.
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
    """Return the connections of the site; the error quotes none of their passwords."""
    connections = known.get("site_connections", {})
    if not isinstance(connections, dict) or not connections.keys() <= set(SITE_CONNECTIONS):
        raise ValueError(f"site_connections must be an object with some of: {', '.join(SITE_CONNECTIONS)}")
    for connection_id, connection in connections.items():
        if not isinstance(connection, str | dict):
            raise ValueError(f"site_connections: {connection_id} must be an object or a URL")
    return connections
