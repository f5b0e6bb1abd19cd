"""An observation as one row of a table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from atdb_api.models import Lease, Observation
from atdb_api.search import columns
from atdb_api.services.progress import Progress, progress_of
from atdb_interface.lifecycle import Status

_OVERDUE: Any = columns.OBSERVATION_COLUMNS["overdue"]


@dataclass(frozen=True)
class TaskRow:
    """One row of a table. `owner` and `progress`: of the work on it, if there is any."""

    id: int
    task_id: str
    mode: str
    name: str
    status: Status
    held_from: Status | None
    since: datetime
    start: datetime
    end: datetime
    size_bytes: int
    data_host: str
    created_by: str | None
    is_overdue: bool
    owner: str | None
    progress: Progress | None


def select_tasks() -> Select[Observation, Lease | None, bool]:
    """Select the rows from which `task_row` is created."""
    return select(Observation, Lease, _OVERDUE.label("is_overdue")).outerjoin(
        Lease, Lease.observation_id == Observation.id
    )


def task_row(observation: Observation, lease: Lease | None, is_overdue: bool) -> TaskRow:
    """Return an observation as a row."""
    return TaskRow(
        id=observation.id,
        task_id=observation.task_id,
        mode=observation.observing_mode,
        name=observation.name,
        status=observation.status,
        held_from=observation.held_from,
        since=observation.status_since,
        start=observation.start_time,
        end=observation.end_time,
        size_bytes=observation.size_bytes,
        data_host=observation.data_host,
        created_by=observation.created_by,
        is_overdue=is_overdue,
        owner=lease.owner if lease else None,
        progress=progress_of(lease) if lease else None,
    )
