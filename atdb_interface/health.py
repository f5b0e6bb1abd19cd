"""The health of ATDB, which any client can read: whether it can answer, and whether its schema is current."""

from enum import StrEnum

from pydantic import BaseModel


class SchemaState(StrEnum):
    """How the schema of the database compares with the migrations of the running ATDB."""

    CURRENT = "current"
    BEHIND = "behind"
    """Some migrations have not been applied."""
    UNKNOWN = "unknown"
    """A newer version of ATDB has applied a migration that this version does not have."""


class Health(BaseModel):
    """The answer of `/atdb/health/`. `version`: the version of the running ATDB."""

    status: str
    version: str
    database_schema: SchemaState
