"""Events: information for operators that no status shows."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, StoredFileName, TaskId, Text, Time


class EventKind(StrEnum):
    """The kinds of events. Each is information for operators that no status shows."""

    OVERDUE = "overdue"
    DISAGREEMENT = "disagreement"
    REPAIR = "repair"
    BRAKE = "brake"
    RUN = "run"
    """A user asked Airflow to clear, mark or delete a run."""
    FAILURE = "failure"
    """A DAG that belongs to no observation failed, such as night_report."""


class NewEvent(Wire):
    """A new event. ATDB records it once: the same `key` again changes nothing."""

    key: Name
    kind: EventKind
    taskID: TaskId | None = None
    dataproduct: StoredFileName | None = None
    detail: Annotated[Text, StringConstraints(min_length=1)]


class Event(BaseModel):
    """An event as ATDB returns it. It never changes."""

    id: int
    timestamp: Time
    kind: EventKind
    key: str
    taskID: str | None
    dataproduct: str | None
    detail: str
    actor: str
