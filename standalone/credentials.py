"""The passwords and keys of one stack: made at random once, kept in state/secrets.json."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from standalone.files import write_private


def _password() -> str:
    """Give a password that needs no quoting in a URL."""
    return secrets.token_urlsafe(24)


def _jwt_secret() -> str:
    return secrets.token_urlsafe(96)  # Airflow signs with HS512, which wants 64 bytes or more


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


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


@dataclass(frozen=True, repr=False)
class Credentials:
    """What secrets.json holds; has no repr, so that no log can show it."""

    airflow_ui: Mapping[str, str]
    atdb: Mapping[str, str]
    postgresql: Mapping[str, str]
    redis: Mapping[str, str]
    airflow_keys: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `prepare` has written, or a part of one: what is not in it cannot be asked for."""
        known = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{section: known.get(section, {}) for section in _LAYOUT})

    @classmethod
    def prepare(cls, path: Path) -> Self:
        """Read the file; make it, or what an older version did not have in it, where that is missing.

        What is there is never changed: the database and the accounts were made with it.
        """
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        complete = {
            section: {name: known.get(section, {}).get(name) or make() for name, make in names.items()}
            for section, names in _LAYOUT.items()
        }
        if complete != known:
            write_private(path, json.dumps(complete, indent=2) + "\n")
        path.chmod(0o600)
        return cls(**complete)
