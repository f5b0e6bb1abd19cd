"""The settings of the API, from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from atdb_interface.instruments import InstrumentError, instrument
from atdb_interface.roles import Role


class PastStarts(StrEnum):
    """Whether observations can be specified whose start has passed."""

    REFUSE = "refuse"
    ACCEPT = "accept"


ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class Overlaps(StrEnum):
    """What ATDB does with an observation that needs a dish of another one at the same time."""

    REFUSE = "refuse"
    WARN = "warn"


#: The hosts of this machine for its own programs and browsers.
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class SpecificationRules:
    """The rules of a site for specifications, besides the limits of the instrument.

    `options`: the options that ATDB keeps for the telescope; None for those that the instrument names.

    `accepts_past_starts`: observations can be specified although they can no longer start, such as old ones.
    """

    options: frozenset[str] | None = None
    overlaps: Overlaps = Overlaps.REFUSE
    accepts_past_starts: bool = False


@dataclass(frozen=True)
class Config:
    """The settings of the API.

    `anonymous_role`: the role of clients that do not log in; without it they may do nothing.

    `airflow_url`: where browsers reach Airflow. Airflow's pages may show pages of ATDB in a frame.

    `trusted_proxies`: how many proxies in a row are in front of the API; it trusts their headers about a client.

    `trusted_hosts`: the hosts of the URLs of ATDB. A request to another host is refused, because a page of another
    site may have sent it.

    `specification_rules`: what observations can be specified, besides the limits of the instrument.

    `reports_account`: the account that may store night reports, besides admins.
    """

    database_url: str
    anonymous_role: Role | None = None
    airflow_url: str | None = None
    reports_account: str = "airflow"
    trusted_proxies: int = 0
    trusted_hosts: tuple[str, ...] = LOOPBACK
    specification_rules: SpecificationRules = SpecificationRules()
    max_body_bytes: int = 4 << 20

    @classmethod
    def from_environment(cls) -> "Config":
        """Read ATDB_DATABASE_URL (required), ATDB_ANONYMOUS_ROLE, ATDB_REPORTS_ACCOUNT, AIRFLOW_URL, ..."""
        try:
            database_url = os.environ["ATDB_DATABASE_URL"]
        except KeyError:
            raise SystemExit(
                "ATDB_DATABASE_URL is not set. Set it to a URL such as postgresql+psycopg2://atdb@host/atdb."
            ) from None
        _require_instrument()
        anonymous = os.environ.get("ATDB_ANONYMOUS_ROLE")
        return cls(
            database_url=database_url,
            anonymous_role=_role(anonymous) if anonymous else None,
            airflow_url=_url(os.environ.get("AIRFLOW_URL")),
            reports_account=os.environ.get("ATDB_REPORTS_ACCOUNT") or cls.reports_account,
            trusted_proxies=_proxies(os.environ.get("ATDB_TRUSTED_PROXIES")),
            trusted_hosts=_hosts(os.environ),
            specification_rules=SpecificationRules(
                options=_options(os.environ.get("ATDB_OPTIONS")),
                overlaps=_one_of(Overlaps, "ATDB_OVERLAPS"),
                accepts_past_starts=_one_of(PastStarts, "ATDB_PAST_STARTS") is PastStarts.ACCEPT,
            ),
        )


def _require_instrument() -> None:
    """Load the instrument in use, so that the API does not start with one that cannot be used."""
    try:
        instrument()
    except InstrumentError as error:
        raise SystemExit(str(error)) from error


def _url(text: str | None) -> str | None:
    """Check a URL, and return its scheme, host, port and path as browsers compare them."""
    if not text:
        return None
    match = re.match(r"https?://[\w.-]+(:\d+)?(/[\w./-]*)?(?=[?#]|$)", text, re.ASCII)
    if match is None:
        raise SystemExit(f"AIRFLOW_URL: {text!r} is not a URL such as http://airflow.example:8080")
    return match[0].rstrip("/")


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise SystemExit(f"ATDB_ANONYMOUS_ROLE: {text!r} is not a role such as viewer") from None


def _options(text: str | None) -> frozenset[str] | None:
    """Read a list of options, separated by commas."""
    return frozenset(filter(None, map(str.strip, text.split(",")))) if text else None


def _one_of(choices: type[ChoiceT], name: str) -> ChoiceT:
    """Read a setting that has one of a few values; the first of them is the default."""
    text = os.environ.get(name)
    try:
        return choices(text) if text else next(iter(choices))
    except ValueError:
        raise SystemExit(f"{name}: {text!r} is not one of {', '.join(choices)}") from None


def _hosts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the hosts of this machine, those of the URLs of the stack, and those of ATDB_TRUSTED_HOSTS."""
    of_stack = (environment.get("ATDB_HOST"), urlsplit(environment.get("ATDB_PUBLIC_URL", "")).hostname)
    given = [host.strip().lower() for host in environment.get("ATDB_TRUSTED_HOSTS", "").split(",")]
    for host in filter(None, given):
        if not re.fullmatch(r"[.]?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host):
            raise SystemExit(f"ATDB_TRUSTED_HOSTS: {host!r} is not a host such as atdb.example, without a port")
    return tuple(dict.fromkeys(filter(None, (*LOOPBACK, *of_stack, *given))))


def _proxies(text: str | None) -> int:
    if not re.fullmatch(r"[0-9]?", text or ""):
        raise SystemExit(f"ATDB_TRUSTED_PROXIES: {text!r} is not a number of proxies such as 1")
    return int(text or 0)
