"""`/night/`: what needs a person, first; for who is alone with the telescope."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, render_template
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import page
from atdb_api.html import layout
from atdb_api.models import Event, Observation, Service, StageSetting
from atdb_api.reads.causes import Group, Troubled, cause_of, grouped
from atdb_api.roles import Role
from atdb_api.search import columns
from atdb_api.services import disks, heartbeats, stages
from atdb_api.services.explain.builder import select_subjects, subject
from atdb_api.services.explain.sentences import explain_many
from atdb_api.services.explain.situation import Subject, Surroundings
from atdb_interface.actions import REMEDIES
from atdb_interface.disks import Disk
from atdb_interface.heartbeats import GONE_AFTER
from atdb_interface.lifecycle import AT_THE_TELESCOPE, STAGES, START_TOLERANCE, Status
from atdb_interface.stages import StageState

views = Blueprint("night", __name__, url_prefix="/night")

#: So many are looked at; a night that has more is told so.
MOST_TROUBLED = 2000
MOST_OVERDUE, MOST_NEXT, MOST_EVENTS = 200, 3, 30
#: Older events are history, not news.
NEWS = timedelta(hours=24)
#: A disk that will be full sooner needs a person now.
FULL_SOON = timedelta(hours=24)
_OVERDUE: Any = columns.OBSERVATION_COLUMNS["overdue"]


@dataclass(frozen=True)
class Late:
    """Tasks that are overdue for the same reason, the oldest first; `why`: why that one is not moving."""

    status: Status
    oldest: datetime
    why: str
    task_ids: list[str]


@dataclass(frozen=True)
class Sky:
    """An observation at the telescope, or one that will be."""

    task_id: str
    name: str
    mode: str
    status: Status
    start: datetime
    end: datetime

    def percent(self, now: datetime) -> int:
        """Tell how far it is."""
        return max(0, min(100, int(100 * (now - self.start) / (self.end - self.start))))


@dataclass(frozen=True)
class Night:
    """All that the page tells. `late_number`: of tasks; `is_all`: whether it tells of all that need a person."""

    groups: list[Group]
    late: list[Late]
    late_number: int
    is_all: bool
    paused: list[StageState]
    gone: list[Service]
    unhealthy: list[tuple[Service, list[heartbeats.ServiceTrouble]]]
    disks: list[Disk]
    events: Sequence[Event]
    observing: list[Sky]
    following: list[Sky]
    now: datetime
    csrf_token: str | None

    @property
    def filling(self) -> list[Disk]:
        """Give the disks that will soon be full."""
        return [disk for disk in self.disks if disk.full_at and disk.full_at - self.now < FULL_SOON]

    @property
    def is_calm(self) -> bool:
        """Tell whether nothing needs a person."""
        return not (self.groups or self.late or self.paused or self.gone or self.unhealthy or self.filling)


@views.get("/")
@page(Role.VIEWER)
def show(session: Session) -> str:
    """Show what needs a person."""
    night = _read(session)
    return render_template("gui/night.html", night=night, versions=live.versions(_parts(night)))


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session) -> Response:
    """Give the parts of the page that have changed."""
    return live.answer(_parts(_read(session)))


def _parts(night: Night) -> list[live.Part]:
    observing = [(each, each.percent(night.now)) for each in night.observing]
    facts = {
        "verdict": (night.is_calm, len(night.groups), night.late_number, len(night.paused), len(night.gone),
                    [each.name for each, _ in night.unhealthy], len(night.filling), night.is_all),
        "sky": (observing, night.following),
        "troubles": (night.groups, night.is_all),
        "overdue": (night.late, night.late_number),
        "machines": (night.paused, [(each.name, each.last_seen) for each in night.gone],
                     [(each.name, troubles) for each, troubles in night.unhealthy], night.disks),
        "events": [each.id for each in night.events],
    }  # fmt: skip
    return [part("gui/night_parts.html", name, of, night) for name, of in facts.items()]


def _read(session: Session) -> Night:
    now = datetime.now(UTC)
    rows = _waiting_for_a_person(session)
    errors = [row for row in rows if row.observation.status in REMEDIES]
    overdue = [row for row in rows if row.observation.status not in REMEDIES]
    settings = {setting.stage: setting for setting in session.scalars(select(StageSetting))}
    counts = stages.counts(session, settings.values(), now)
    states = [stages.state(settings[stage.actor], counts[stage.actor]) for stage in STAGES]
    services = session.scalars(select(Service).order_by(Service.last_seen.desc())).all()
    observing, following = _sky(session, now)
    around = Surroundings(
        now,
        settings,
        {name: count.taken for name, count in counts.items()},
        services,
        observing[-1].task_id if observing else None,
    )
    filling = disks.with_rates(session, session.scalars(disks.latest_usages()).all())
    return Night(
        groups=grouped(_troubled(each) for each in errors),
        late=_late(session, overdue[-MOST_OVERDUE:], around),
        late_number=len(overdue),
        is_all=len(rows) <= MOST_TROUBLED,
        paused=[state for state in states if state.paused],
        gone=[service for service in services if now - service.last_seen > GONE_AFTER],
        unhealthy=[
            (service, troubles)
            for service in services
            if now - service.last_seen <= GONE_AFTER and (troubles := heartbeats.troubles_of(service))
        ],
        disks=sorted(filling, key=lambda disk: (disk.full_at is None, disk.full_at, disk.data_host)),
        events=session.scalars(
            select(Event).where(Event.at > now - NEWS).order_by(Event.id.desc()).limit(MOST_EVENTS)
        ).all(),
        observing=observing,
        following=following,
        now=now,
        csrf_token=layout.visitor().csrf_token,
    )


def _troubled(subject: Subject) -> Troubled:
    o = subject.observation
    return Troubled(o.task_id, o.status, o.status_since, subject.last.reason)


def _waiting_for_a_person(session: Session) -> list[Subject]:
    """Find what is on an error status, or overdue; the latest first, each with how it came to its status."""
    rows = session.execute(
        select_subjects()
        .where(or_(Observation.status.in_(REMEDIES), _OVERDUE))
        .order_by(Observation.status_since.desc())
        .limit(MOST_TROUBLED + 1)
    )
    return [subject(*row) for row in rows]


def _late(session: Session, rows: Sequence[Subject], around: Surroundings) -> list[Late]:
    why_of = explain_many(session, rows, around)
    found: dict[tuple[Status, str], Late] = {}
    for row in sorted((row.observation for row in rows), key=lambda each: each.status_since):
        why = why_of[row.task_id]
        late = found.setdefault((row.status, cause_of(why)), Late(row.status, row.status_since, why, []))
        late.task_ids.append(row.task_id)
    return sorted(found.values(), key=lambda each: each.oldest)


def _sky(session: Session, now: datetime) -> tuple[list[Sky], list[Sky]]:
    """Find what is observed now, and what comes next."""
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
    found = [Sky(o.task_id, o.name, o.observing_mode, o.status, o.start_time, o.end_time) for o in rows]
    return _of(found, scheduled=False), _of(found, scheduled=True)


def _of(found: Iterable[Sky], *, scheduled: bool) -> list[Sky]:
    return [each for each in found if (each.status is Status.SCHEDULED) is scheduled]
