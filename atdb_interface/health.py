"""What ATDB reports of itself to everybody: whether it can answer, and whether its database fits it."""

from enum import StrEnum

from pydantic import BaseModel


class SchemaState(StrEnum):
    """How the schema of the database compares with the migrations of the ATDB that answers."""

    CURRENT = "current"
    BEHIND = "behind"
    """Not all migrations were carried out."""
    UNKNOWN = "unknown"
    """A migration was carried out that this ATDB does not have: a newer version did that."""


class Health(BaseModel):
    """The answer of `/atdb/health/`. `version`: that of the ATDB which answers."""

    status: str
    version: str
    database_schema: SchemaState
