"""The settings of the API, from the environment."""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from atdb_interface.instruments import InstrumentError, instrument
from atdb_interface.roles import Role


@dataclass(frozen=True)
class Config:
    """The settings of the API.

    `anonymous_role`: the role of clients that do not log in; without it they may do nothing.

    `airflow_url`: where browsers reach Airflow. Airflow's pages may show pages of ATDB in a frame.

    `trusted_proxies`: how many proxies in a row are in front of the API; it trusts their headers about a client.

    `reports_account`: the account that may store night reports, besides admins.
    """

    database_url: str
    anonymous_role: Role | None = None
    airflow_url: str | None = None
    reports_account: str = "airflow"
    trusted_proxies: int = 0
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


def _proxies(text: str | None) -> int:
    if not re.fullmatch(r"[0-9]?", text or ""):
        raise SystemExit(f"ATDB_TRUSTED_PROXIES: {text!r} is not a number of proxies such as 1")
    return int(text or 0)
