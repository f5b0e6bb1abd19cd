"""Say of many tasks why each is not moving, with two statements for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from atdb_api.models import Lease, Observation, Service, StageSetting, Transition
from atdb_api.services import stages
from atdb_api.services.claims import ORDER
from atdb_api.services.explain.sentences import sentence
from atdb_api.services.explain.situation import STAGE_OF, Situation
from atdb_interface.lifecycle import STAGES, Status


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all tasks: the stages, the services, and what the telescope has."""

    now: datetime
    settings: Mapping[str, StageSetting]
    taken: Mapping[str, int]
    services: Sequence[Service]
    busy: str | None


def whys(
    session: Session,
    rows: Sequence[tuple[Observation, Lease | None, Transition]],
    around: Surroundings,
) -> dict[str, str]:
    """Say why each is not moving, by its taskID. `rows`: with the lease and the last transition of each."""
    ahead = _ahead(session, [row for row, _, _ in rows if row.status in STAGE_OF], around)
    return {
        row.task_id: sentence(_situation(row, lease, last, around, ahead.get(row.id, 0)))
        for row, lease, last in rows
    }


def _situation(
    row: Observation, lease: Lease | None, last: Transition, around: Surroundings, ahead: int
) -> Situation:
    stage = STAGE_OF.get(row.status)
    return Situation(
        row,
        around.now,
        last,
        stage,
        setting=around.settings[stage.actor] if stage else None,
        lease=lease,
        ahead=ahead,
        taken=around.taken.get(stage.actor, 0) if stage else 0,
        services=[each for each in around.services if row.status in each.statuses],
        busy=around.busy if row.status is Status.SCHEDULED else None,
    )


def _ahead(session: Session, rows: Sequence[Observation], around: Surroundings) -> dict[int, int]:
    """Tell how many are given out before each that waits for a stage."""
    if not rows:
        return {}
    stage = case({status: stage.actor for status, stage in STAGE_OF.items()}, value=Observation.status)
    place = func.row_number().over(partition_by=stage, order_by=ORDER)
    waits = or_(*(stages.waiting(each, around.settings[each.actor], around.now) for each in STAGES))
    in_line = select(Observation.id, (place - 1).label("ahead")).where(waits).subquery()
    found = session.execute(
        select(in_line.c.id, in_line.c.ahead).where(in_line.c.id.in_([row.id for row in rows]))
    )
    return dict(found.all())
