"""The settings of the API, from the environment."""

import os
import re
from dataclasses import dataclass

from atdb_api.roles import Role, role_named


@dataclass(frozen=True)
class Config:
    """`anonymous_role`: what a client that does not log in may do; nothing unless set.

    `airflow_url`: the Airflow whose pages may show ours within them.

    `reports_account`: the account whose night reports are stored; of the others, only those of admins are.
    """

    database_url: str
    anonymous_role: Role | None = None
    airflow_url: str | None = None
    reports_account: str = "airflow"
    max_body_bytes: int = 4 << 20

    @classmethod
    def from_environment(cls) -> "Config":
        """Read ATDB_DATABASE_URL (required), ATDB_ANONYMOUS_ROLE, ATDB_REPORTS_ACCOUNT and AIRFLOW_URL."""
        try:
            database_url = os.environ["ATDB_DATABASE_URL"]
        except KeyError:
            raise SystemExit("set ATDB_DATABASE_URL, such as postgresql+psycopg2://atdb@host/atdb") from None
        anonymous = os.environ.get("ATDB_ANONYMOUS_ROLE")
        return cls(
            database_url=database_url,
            anonymous_role=role_named(anonymous) if anonymous else None,
            airflow_url=_origin_of(os.environ.get("AIRFLOW_URL")),
            reports_account=os.environ.get("ATDB_REPORTS_ACCOUNT") or cls.reports_account,
        )


def _origin_of(url: str | None) -> str | None:
    """Leave the scheme, host and port of a URL, as a browser compares them."""
    if not url:
        return None
    found = re.match(r"https?://[\w.-]+(:\d+)?(?=[/?#]|$)", url, re.ASCII)
    if found is None:
        raise SystemExit(f"AIRFLOW_URL: {url!r} is not a URL such as http://airflow.example:8080")
    return found[0]
