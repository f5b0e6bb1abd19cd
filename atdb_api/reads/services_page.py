"""The stages and their queues, the work in progress, the services, and the disks."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from atdb_api.models import Lease
from atdb_api.reads.airflow_runs import AirflowRun, run_of
from atdb_api.reads.service_states import ServiceState, service_states
from atdb_api.reads.task_row import TaskRow, select_tasks, task_row
from atdb_api.services import deletion, disks, stages
from atdb_interface.deletion import Deletion
from atdb_interface.disks import Disk
from atdb_interface.lifecycle import STAGES, Stage
from atdb_interface.stages import StageState

#: The maximum number shown; the page Tasks has all.
MOST_WORKED_ON = 100


@dataclass(frozen=True)
class WorkInProgress:
    """An observation that an owner works on. `is_lost`: its lease has expired."""

    task: TaskRow
    run: AirflowRun | None
    lost_owners: int
    is_lost: bool


@dataclass(frozen=True)
class ServicesPage:
    """What the page Services shows."""

    stages: list[tuple[Stage, StageState]]
    deletion: Deletion
    works: list[WorkInProgress]
    services: list[ServiceState]
    disks: list[Disk]


def read_services(session: Session) -> ServicesPage:
    """Read the stages, the work, the services and the disks, with seven statements."""
    now = datetime.now(UTC)
    settings, switch = deletion.with_settings(session)
    states = stages.states(session, [settings[stage.actor] for stage in STAGES])
    return ServicesPage(
        stages=list(zip(STAGES, states, strict=True)),
        deletion=switch,
        works=_works(session, now),
        services=service_states(session, now),
        disks=disks.current(session),
    )


def _works(session: Session, now: datetime) -> list[WorkInProgress]:
    rows = session.execute(
        select_tasks().where(Lease.owner.is_not(None)).order_by(Lease.began_at.desc()).limit(MOST_WORKED_ON + 1)
    )
    return [
        WorkInProgress(
            task=task_row(row, lease, is_overdue),
            run=run_of(lease.owner, lease.began_at),
            lost_owners=lease.lost_owners,
            is_lost=lease.expires_at < now,
        )
        for row, lease, is_overdue in rows
        if lease
    ]
