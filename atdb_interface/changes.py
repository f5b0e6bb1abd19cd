"""Changes other than changes of status: edits, deletions, and changes of accounts and stages."""

from typing import Any

from pydantic import BaseModel, Field

from atdb_interface.fields import Time


class Change(BaseModel):
    """A change other than a change of status. Its record never changes."""

    id: int
    timestamp: Time
    actor: str
    action: str
    """edited, deleted, or the change of an account."""
    taskID: str | None
    dataproduct: str | None
    account: str | None
    fields: dict[str, tuple[Any, Any]] = Field(default_factory=dict)
    """The old and the new value of each field that changed."""
    reason: str
