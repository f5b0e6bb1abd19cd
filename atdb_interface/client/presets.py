"""Presets in the user's configuration: the URL of ATDB and the account to log in.

The configuration is the first of these files that exists: `$ATDB_CONFIG`, `~/.config/atdb/config.toml`, and
`etc/atdb/config.toml` in the Python environment (which `make up` writes). For example:

    default_host = "prod"
    [hosts.prod]
    url = "https://atdb.example.org"
    user = "astronomer"
    secret = "..."
"""

import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from atdb_interface.client import Client


@dataclass(frozen=True)
class Host:
    """One ATDB server and the account to use there."""

    url: str
    user: str | None = None
    secret: str | None = field(default=None, repr=False)

    def client(self) -> Client:
        """Return a client of this host."""
        return Client(self.url, user=self.user, secret=self.secret)


class ConfigError(Exception):
    """The configuration cannot be read, or does not contain the host."""


def config_files() -> list[Path]:
    """Return the files that can hold the configuration. The first one that exists is used."""
    given = os.environ.get("ATDB_CONFIG")
    if given:
        return [Path(given)]
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [home / "atdb" / "config.toml", Path(sys.prefix) / "etc" / "atdb" / "config.toml"]


def find_host(name: str | None = None) -> Host:
    """Return a host by the name of its preset or by a URL. Raises ConfigError if there is none."""
    files = [path for path in config_files() if path.is_file()]
    try:
        settings = tomllib.loads(files[0].read_text()) if files else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{files[0]}: {error}") from None
    if name and name.startswith(("http://", "https://")):
        return Host(name, os.environ.get("ATDB_USER"), os.environ.get("ATDB_SECRET"))
    name = name or str(settings.get("default_host", "prod"))
    hosts = settings.get("hosts")
    preset = hosts.get(name) if isinstance(hosts, dict) else None
    if preset is None:
        places = " or ".join(str(path) for path in config_files())
        raise ConfigError(f"no host {name!r} is configured; `make up` writes one, or add it to {places}")
    if not isinstance(preset, dict) or not {"url"} <= preset.keys() <= {"url", "user", "secret"}:
        raise ConfigError(f"{files[0]}: [hosts.{name}] must have url, can have user and secret, and nothing else")
    if not all(isinstance(value, str) for value in preset.values()):
        raise ConfigError(f"{files[0]}: the values of [hosts.{name}] must be text in quotes")
    return Host(**preset)
