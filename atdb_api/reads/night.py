"""What needs attention, what is overdue, and what the telescope observes, for the operator on duty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from atdb_api.models import Event, Observation, Service
from atdb_api.reads.causes import AttentionGroup, AttentionTask, attention_groups, cause_key
from atdb_api.reads.service_states import ServiceState, service_state
from atdb_api.reads.telescope import TelescopeSlot, slot_of
from atdb_api.search import columns
from atdb_api.services import deletion, disks, stages
from atdb_api.services.explain.builder import select_subjects, subject
from atdb_api.services.explain.explanation import Cause
from atdb_api.services.explain.sentences import explain_many
from atdb_api.services.explain.situation import Subject, Surroundings
from atdb_interface.actions import REMEDIES
from atdb_interface.deletion import Deletion
from atdb_interface.disks import Disk
from atdb_interface.lifecycle import AT_THE_TELESCOPE, STAGES, START_TOLERANCE, Status
from atdb_interface.stages import StageState

#: The maximum number of observations that are read; the page says if there are more.
MOST_SUBJECTS = 2000
MOST_OVERDUE, MOST_NEXT, MOST_EVENTS = 200, 3, 30
#: The page shows no older events.
NEWS = timedelta(hours=24)
#: A disk that will be full sooner needs attention now.
FULL_SOON = timedelta(hours=24)
_OVERDUE: Any = columns.OBSERVATION_COLUMNS["overdue"]


@dataclass(frozen=True)
class OverdueTasks:
    """Observations that are overdue for the same cause, oldest first; `why`: the explanation of the oldest."""

    status: Status
    oldest: datetime
    why: str
    task_ids: list[str]


@dataclass(frozen=True)
class NightEvent:
    """An event of the last day."""

    id: int
    at: datetime
    kind: str
    task_id: str | None
    detail: str


@dataclass(frozen=True)
class NightPage:
    """The content of the page.

    `overdue_number`: the number of overdue observations. `is_all`: the page has all observations that need
    attention.
    """

    groups: list[AttentionGroup]
    overdue: list[OverdueTasks]
    overdue_number: int
    is_all: bool
    paused: list[StageState]
    deletion: Deletion
    services: list[ServiceState]
    disks: list[Disk]
    events: list[NightEvent]
    observing: list[TelescopeSlot]
    following: list[TelescopeSlot]
    now: datetime

    @property
    def gone(self) -> list[ServiceState]:
        """Return the services that are not responding."""
        return [service for service in self.services if service.is_gone]

    @property
    def unhealthy(self) -> list[ServiceState]:
        """Return the services that report a problem."""
        return [service for service in self.services if service.is_unhealthy]

    @property
    def filling(self) -> list[Disk]:
        """Return the disks that will soon be full."""
        return [disk for disk in self.disks if disk.full_at and disk.full_at - self.now < FULL_SOON]

    @property
    def is_calm(self) -> bool:
        """Return whether no action is needed."""
        needing_action = (self.groups, self.overdue, self.paused, self.gone, self.unhealthy, self.filling)
        return self.deletion.allowed and not any(needing_action)


def read_night(session: Session) -> NightPage:
    """Read the content of the page Night, with nine statements at most."""
    now = datetime.now(UTC)
    subjects = _attention_or_overdue(session)
    errors = [each for each in subjects if each.observation.status in REMEDIES]
    overdue = [each for each in subjects if each.observation.status not in REMEDIES]
    settings, switch = deletion.with_settings(session)
    counts = stages.counts(session, settings.values(), now)
    states = [stages.state(settings[stage.actor], counts[stage.actor]) for stage in STAGES]
    services = session.scalars(select(Service).order_by(Service.last_seen.desc())).all()
    slots = _slots(session, now)
    observing = [slot for slot in slots if slot.status is not Status.SCHEDULED]
    around = Surroundings(
        now=now,
        settings=settings,
        taken={name: count.taken for name, count in counts.items()},
        services=services,
        at_telescope=observing[-1].task_id if observing else None,
        deletion=switch,
    )
    return NightPage(
        groups=attention_groups(_attention_task(each) for each in errors),
        overdue=_overdue_tasks(session, overdue[-MOST_OVERDUE:], around),
        overdue_number=len(overdue),
        is_all=len(subjects) <= MOST_SUBJECTS,
        paused=[state for state in states if state.paused],
        deletion=switch,
        services=[service_state(service, now) for service in services],
        disks=sorted(
            disks.current(session), key=lambda disk: (disk.full_at is None, disk.full_at, disk.data_host)
        ),
        events=_events(session, now),
        observing=observing,
        following=[slot for slot in slots if slot.status is Status.SCHEDULED],
        now=now,
    )


def _attention_task(subject: Subject) -> AttentionTask:
    o = subject.observation
    return AttentionTask(o.task_id, o.status, o.status_since, subject.last.reason)


def _attention_or_overdue(session: Session) -> list[Subject]:
    """Read the observations that need attention or are overdue, latest first, with their last transition."""
    rows = session.execute(
        select_subjects()
        .where(or_(Observation.status.in_(REMEDIES), _OVERDUE))
        .order_by(Observation.status_since.desc())
        .limit(MOST_SUBJECTS + 1)
    )
    return [subject(*row) for row in rows]


def _overdue_tasks(session: Session, subjects: Sequence[Subject], around: Surroundings) -> list[OverdueTasks]:
    explanations = explain_many(session, subjects, around)
    overdue: dict[tuple[Status, Cause, tuple[str, str]], OverdueTasks] = {}
    for o in sorted((each.observation for each in subjects), key=lambda each: each.status_since):
        why = explanations[o.task_id]
        first = OverdueTasks(o.status, o.status_since, why.text, [])
        alike = overdue.setdefault((o.status, why.cause, cause_key(why.reason)), first)
        alike.task_ids.append(o.task_id)
    return sorted(overdue.values(), key=lambda each: each.oldest)


def _slots(session: Session, now: datetime) -> list[TelescopeSlot]:
    """Read the present and the next observations."""
    coming = (
        select(Observation.id)
        .where(Observation.status == Status.SCHEDULED, Observation.start_time >= now - START_TOLERANCE)
        .order_by(Observation.start_time)
        .limit(MOST_NEXT)
    )
    at_it = Observation.status.in_(AT_THE_TELESCOPE)
    rows = session.scalars(
        select(Observation).where(or_(at_it, Observation.id.in_(coming))).order_by(Observation.start_time)
    )
    return [slot_of(row) for row in rows]


def _events(session: Session, now: datetime) -> list[NightEvent]:
    rows = session.execute(
        select(Event.id, Event.at, Event.kind, Event.task_id, Event.detail)
        .where(Event.at > now - NEWS)
        .order_by(Event.id.desc())
        .limit(MOST_EVENTS)
    )
    return [NightEvent(*row) for row in rows]
