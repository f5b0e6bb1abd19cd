"""The settings of the API, from the environment."""

import os
from dataclasses import dataclass

from atdb_api.roles import Role, role_named


@dataclass(frozen=True)
class Config:
    """`anonymous_role`: what a client that does not log in may do; nothing unless set."""

    database_url: str
    anonymous_role: Role | None = None
    max_body_bytes: int = 4 << 20

    @classmethod
    def from_environment(cls) -> "Config":
        """Read ATDB_DATABASE_URL (needed) and ATDB_ANONYMOUS_ROLE."""
        try:
            database_url = os.environ["ATDB_DATABASE_URL"]
        except KeyError:
            raise SystemExit("set ATDB_DATABASE_URL, such as postgresql+psycopg2://atdb@host/atdb") from None
        anonymous = os.environ.get("ATDB_ANONYMOUS_ROLE")
        return cls(database_url=database_url, anonymous_role=role_named(anonymous) if anonymous else None)
