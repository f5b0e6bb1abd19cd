"""Changes that are no changes of status: who edited or deleted what."""

from typing import Any

from pydantic import BaseModel, Field

from atdb_interface.fields import Time


class Change(BaseModel):
    """A change that is no change of status: who edited or deleted what. Never changed afterwards."""

    id: int
    timestamp: Time
    actor: str
    action: str
    """edited, deleted, or what was done to an account."""
    taskID: str | None
    dataproduct: str | None
    account: str | None
    fields: dict[str, tuple[Any, Any]] = Field(default_factory=dict)
    """Of each field that changed: what it was, and what it became."""
    reason: str
