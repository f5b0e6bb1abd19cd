"""Where ATDB's services keep their state, on which ports they listen, and at which hosts they find each other."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from atdb_interface import nights

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_STATE = REPOSITORY / ".atdb"
HOST = "127.0.0.1"  # by default, no other machine can reach a service


class Executor(StrEnum):
    """What runs Airflow's tasks: processes of the scheduler, or Celery's workers."""

    LOCAL = "local"
    CELERY = "celery"


class SettingsError(ValueError):
    """Settings in the environment that cannot be used. `variable`: the name, if it is only one of them."""

    def __init__(self, message: str, variable: str = "") -> None:
        super().__init__(message)
        self.variable = variable


@dataclass(frozen=True)
class Settings:
    """One stack. Two stacks with different state folders and ports can run side by side."""

    state: Path = DEFAULT_STATE
    secrets: Path | None = None
    """The file of the passwords and keys; secrets.json in the state folder unless set."""
    listen: str = HOST
    """The IP address on which each service listens."""
    atdb_host: str = HOST
    """The host at which the other services reach this one. The hosts below have the same meaning."""
    airflow_host: str = HOST
    telescope_host: str = HOST
    postgres_host: str = HOST
    redis_host: str = HOST
    atdb_public_url: str = ""
    """The URL at which browsers reach ATDB; if empty, the URL that the other services use."""
    airflow_public_url: str = ""
    atdb_port: int = 8000
    airflow_port: int = 8080
    telescope_port: int = 8001
    postgres_port: int = 5433
    trusted_proxies: int = 0
    """The number of proxies in front of the web servers. The servers trust their headers about a client."""
    redis_port: int = 6379
    """Used only with Celery."""
    executor: Executor = Executor.LOCAL
    telescope_speedup: float = 1.0
    product_bytes: int = 1 << 20
    """The approximate size of a data product that the telescope simulator writes."""
    report_hour: int = nights.DEFAULT_HOUR
    """The hour, UTC, at which a night ends and is reported."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from environment variables; raises SettingsError for one that cannot be used."""
        settings = cls(
            state=Path(environment.get("ATDB_STATE") or DEFAULT_STATE).expanduser().resolve(),
            secrets=Path(environment["ATDB_SECRETS"]) if environment.get("ATDB_SECRETS") else None,
            listen=_host(environment, "ATDB_LISTEN"),
            atdb_host=_host(environment, "ATDB_HOST"),
            airflow_host=_host(environment, "AIRFLOW_HOST"),
            telescope_host=_host(environment, "TELESCOPE_HOST"),
            postgres_host=_host(environment, "POSTGRES_HOST"),
            redis_host=_host(environment, "REDIS_HOST"),
            atdb_public_url=_url(environment, "ATDB_PUBLIC_URL"),
            airflow_public_url=_url(environment, "AIRFLOW_PUBLIC_URL"),
            atdb_port=_port(environment, "ATDB_PORT", cls.atdb_port),
            airflow_port=_port(environment, "AIRFLOW_PORT", cls.airflow_port),
            telescope_port=_port(environment, "TELESCOPE_PORT", cls.telescope_port),
            postgres_port=_port(environment, "POSTGRES_PORT", cls.postgres_port),
            trusted_proxies=_whole(environment, "ATDB_TRUSTED_PROXIES", 0, least=0, most=9),
            redis_port=_port(environment, "REDIS_PORT", cls.redis_port),
            executor=_executor(environment.get("ATDB_EXECUTOR") or cls.executor),
            telescope_speedup=_speedup(environment.get("ATDB_TELESCOPE_SPEEDUP") or "1"),
            product_bytes=_whole(environment, "TELESCOPE_PRODUCT_BYTES", cls.product_bytes, most=1 << 50),
            report_hour=_report_hour(environment),
        )
        hosts = (settings.atdb_host, settings.airflow_host, settings.telescope_host, settings.postgres_host)
        if len(set(zip(hosts, settings.ports.values(), strict=True))) < len(settings.ports):
            listed = ", ".join(f"{name}={port}" for name, port in settings.ports.items())
            raise SettingsError(f"each service needs a port of its own: {listed}")
        return settings

    def as_environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` reads these same settings."""
        return {
            "ATDB_STATE": str(self.state),
            **({"ATDB_SECRETS": str(self.secrets)} if self.secrets else {}),
            "ATDB_LISTEN": self.listen,
            "ATDB_HOST": self.atdb_host,
            "AIRFLOW_HOST": self.airflow_host,
            "TELESCOPE_HOST": self.telescope_host,
            "POSTGRES_HOST": self.postgres_host,
            "REDIS_HOST": self.redis_host,
            "REDIS_PORT": str(self.redis_port),
            "ATDB_EXECUTOR": self.executor,
            "ATDB_TRUSTED_PROXIES": str(self.trusted_proxies),
            "ATDB_PUBLIC_URL": self.atdb_public_url,
            "AIRFLOW_PUBLIC_URL": self.airflow_public_url,
            **{name: str(port) for name, port in self.ports.items()},
            "ATDB_TELESCOPE_SPEEDUP": f"{self.telescope_speedup:g}",
            "TELESCOPE_PRODUCT_BYTES": str(self.product_bytes),
            nights.SETTING: str(self.report_hour),
        }

    @property
    def ports(self) -> dict[str, int]:
        """The ports on which the stack listens, by the variable that sets each."""
        return {
            "ATDB_PORT": self.atdb_port,
            "AIRFLOW_PORT": self.airflow_port,
            "TELESCOPE_PORT": self.telescope_port,
            "POSTGRES_PORT": self.postgres_port,
        }

    @property
    def atdb_url(self) -> str:
        """ATDB's API and web pages."""
        return f"http://{self.atdb_host}:{self.atdb_port}"

    @property
    def airflow_url(self) -> str:
        """Airflow's API and web pages, at the path that they have in browsers, as Airflow requires."""
        return f"http://{self.airflow_host}:{self.airflow_port}{urlsplit(self.airflow_public_url).path}"

    @property
    def telescope_url(self) -> str:
        """The telescope simulator's API."""
        return f"http://{self.telescope_host}:{self.telescope_port}"

    @property
    def data(self) -> Path:
        """Where the telescope writes its data products."""
        return self.state / "data"

    @property
    def archive(self) -> Path:
        """The long-term archive."""
        return self.state / "archive"

    @property
    def logs(self) -> Path:
        """One log file per service, and Airflow's task logs."""
        return self.state / "logs"

    @property
    def credentials(self) -> Path:
        """The file of all passwords and keys of this stack."""
        return self.secrets or self.state / "secrets.json"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data folder."""
        return self.state / "postgres"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own files; its configuration is in standalone/airflow.cfg."""
        return self.state / "airflow"

    @property
    def airflow_passwords(self) -> Path:
        """The file from which Airflow reads the passwords of its users."""
        return self.airflow_home / "passwords.json"

    @property
    def private_connections(self) -> Path:
        """Airflow's connections that belong to one DAG only: one folder per DAG."""
        return self.airflow_home / "connections"

    @property
    def telescope_state(self) -> Path:
        """What the telescope simulator remembers across a restart."""
        return self.state / "telescope"

    @property
    def run(self) -> Path:
        """Files of the current run only; each start empties this folder."""
        return self.state / "run"


def _host(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name) or HOST
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text):
        raise SettingsError(f"{name} must be a host name or an IPv4 address, not {text!r}", name)
    return text


def _url(environment: Mapping[str, str], name: str) -> str:
    """Return a URL without trailing and repeated slashes, which Airflow would take for a host."""
    given = environment.get(name) or ""
    if not given:
        return ""
    match = re.fullmatch(r"(https?://[^\s/?#@:\[\]]+)(?::(\d{1,5}))?((?:/+[^\s/?#]+)*)/*", given, re.ASCII)
    if match is None or not 0 < int(match[2] or 1) <= 65535:
        raise SettingsError(f"{name} must be a URL such as https://atdb.example, not {given!r}", name)
    return match[1] + (f":{match[2]}" if match[2] else "") + re.sub("/+", "/", match[3])


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return _whole(environment, name, default, most=65535)


def _executor(text: str) -> Executor:
    try:
        return Executor(text)
    except ValueError:
        message = f"ATDB_EXECUTOR must be {' or '.join(Executor)}, not {text!r}"
        raise SettingsError(message, "ATDB_EXECUTOR") from None


def _whole(environment: Mapping[str, str], name: str, default: int, *, least: int = 1, most: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise SettingsError(f"{name} must be a whole number from {least} to {most}, not {text!r}", name)
    return int(text)


def _report_hour(environment: Mapping[str, str]) -> int:
    try:
        return nights.report_hour(environment)
    except ValueError as error:
        raise SettingsError(str(error), nights.SETTING) from None


def _speedup(text: str) -> float:
    try:
        speedup = float(text)
    except ValueError:
        speedup = 0.0
    if not 0 < speedup < float("inf"):
        message = f"ATDB_TELESCOPE_SPEEDUP must be a number above 0, not {text!r}"
        raise SettingsError(message, "ATDB_TELESCOPE_SPEEDUP")
    return speedup
