"""Events: what an operator should know of, though no status says it."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from atdb_interface.base_models import Wire
from atdb_interface.fields import FileName, Name, TaskId, Text, Time


class EventKind(StrEnum):
    """What an operator should know of, though no status says it."""

    OVERDUE = "overdue"
    DISAGREEMENT = "disagreement"
    REPAIR = "repair"
    BRAKE = "brake"
    RUN = "run"
    """A person asked Airflow to clear, mark or delete a run."""
    FAILURE = "failure"
    """A DAG of the observatory itself failed, such as the report of the night."""


class NewEvent(Wire):
    """Tell of something once: the same `key` again changes nothing."""

    key: Name
    kind: EventKind
    taskID: TaskId | None = None
    dataproduct: FileName | None = None
    detail: Annotated[Text, StringConstraints(min_length=1)]


class Event(BaseModel):
    """Something that an operator should know of. Never changed afterwards."""

    id: int
    timestamp: Time
    kind: EventKind
    key: str
    taskID: str | None
    dataproduct: str | None
    detail: str
    actor: str
