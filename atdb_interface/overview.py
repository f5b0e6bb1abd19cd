"""What operators ask of many observations at once: how many, how much, how old; and who changed what."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from atdb_interface.fields import FileName, Name, TaskId, Text, Time
from atdb_interface.lifecycle import Status
from atdb_interface.models import Wire
from atdb_interface.night_report import Night

#: What a summary can be grouped by. `day`: of the start, UTC; `data_host`: of the data location.
GROUPINGS = ("my_status", "observing_mode", "day", "data_host")


class SummaryGroup(BaseModel):
    """The observations that have these values in common."""

    group: dict[str, str]
    """The value of each thing that is grouped by."""
    count: int
    size: int
    """Bytes, of all their data products of which the size is known."""
    oldest_since: Time
    """Since when the one that is longest in its status has had it."""
    oldest_age_seconds: int


class Summary(BaseModel):
    """Counts, sizes in bytes and oldest ages of the observations that match."""

    group_by: list[str]
    count: int
    size: int
    groups: list[SummaryGroup]


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


class Why(BaseModel):
    """Why an observation is not moving, in one sentence."""

    taskID: str
    my_status: Status
    since: Time
    why: str


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


class Receipt(BaseModel):
    """What was removed from a data host: what, how large, which copy the archive holds, who, when. Never changed.

    `owner`: the run that did it. `forced`: an admin let it be deleted unverified; `reason` is theirs.
    """

    id: int
    timestamp: Time
    taskID: str
    dataproduct: str
    data_location: str
    size: int | None
    checksum: str | None
    archive_copy: str | None
    actor: str
    owner: str | None
    forced: bool
    reason: str


class StoredReport(BaseModel):
    """The main figures of a stored night report. Never changed, as the report itself."""

    night: Night
    """The day on which the night begins."""
    made_at: Time
    stored_at: Time
    actor: str
    """The account that stored it."""
    observed_count: int
    observed_bytes: int
    failures_count: int
    archived_bytes: int
    full_at: Time | None
    """When the first disk is expected to be full; None if none is within the forecast."""
