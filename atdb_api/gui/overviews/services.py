"""`/services/`: the stages and what is before them, who works on what, which services and hosts are there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import done, page
from atdb_api.models import Claim, Lease, Service, StageSetting
from atdb_api.reads.status_periods import Run, run_of
from atdb_api.reads.task_table import Task, of_tasks, task
from atdb_api.rest import auth
from atdb_api.roles import Role
from atdb_api.services import disks, heartbeats, stages
from atdb_interface.disks import Disk
from atdb_interface.errors import AtdbError, BadRequest, NotFound, PreconditionFailed
from atdb_interface.lifecycle import STAGES, Stage
from atdb_interface.stages import StageChange, StageState
from atdb_interface.times import GONE_AFTER

views = Blueprint("services", __name__, url_prefix="/services")

#: As for the same by the API.
NEEDS = Role.OPERATOR
#: So many that are worked on are shown; the table of tasks has them all.
MOST_WORKED_ON = 100
#: In what a rest can be given, in seconds.
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


@dataclass(frozen=True)
class Seen:
    """A service. `last_seen`: its last heartbeat, if it sends any; `claimed_at`: its last claim, if any.

    `troubles`: what stands in its way now.
    """

    name: str
    statuses: Sequence[str] = ()
    detail: str = ""
    last_seen: datetime | None = None
    is_gone: bool = False
    claimed_at: datetime | None = None
    troubles: Sequence[heartbeats.ServiceTrouble] = ()


@dataclass(frozen=True)
class Work:
    """A task that somebody works on. `is_lost`: who did has said nothing for longer than the lease."""

    task: Task
    run: Run | None
    lost_owners: int
    is_lost: bool


@dataclass(frozen=True)
class Told:
    """All that the page tells."""

    stages: list[tuple[Stage, StageState]]
    works: list[Work]
    services: list[Seen]
    disks: list[Disk]


@views.get("/")
@page(Role.VIEWER)
def show(session: Session) -> str:
    """Show them all."""
    return _written(session)


@views.get("/parts/")
@page(Role.VIEWER)
def parts(session: Session) -> Response:
    """Give the parts of the page that have changed."""
    return live.answer(_parts(_read(session)))


@views.get("/<stage>/")
@page(NEEDS)
def form(session: Session, stage: str) -> str:
    """Show them all, and the form for one stage."""
    return _written(session, stage)


def _refused(session: Session, error: AtdbError, stage: str) -> str:
    return _written(session, stage, error)


@views.post("/<stage>/")
@page(NEEDS, refused=_refused)
def change(session: Session, stage: str) -> Response:
    """Pause a stage, let it go on, or change its limits, if it is still as the form showed it."""
    setting = stages.lock(session, stage)
    _require_as_seen(setting, request.form.get("seen", ""))
    ask = _asked(request.form.get("do", ""))
    stages.change(session, setting, ask, actor=auth.actor())
    return done(_says(setting, ask), url_for(".show"))


def _asked(do: str) -> StageChange:
    reason = request.form.get("reason", "").strip()
    match do:
        case "pause":
            return StageChange(paused=True, reason=reason)
        case "resume":
            return StageChange(paused=False, reason=reason)
        case "limit":
            slots = request.form.get("slots", "").strip() or None
            return StageChange.model_validate({"slots": slots, "delay_seconds": _rest_seconds(), "reason": reason})
    raise BadRequest("choose what is to be done")


def _rest_seconds() -> str:
    number, unit = request.form.get("rest", "").strip() or "0", request.form.get("unit", "")
    if unit not in UNITS or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise BadRequest("the rest is not a whole number of seconds, minutes, hours or days")
    return str(int(number) * UNITS[unit])


def _require_as_seen(setting: StageSetting, seen: str) -> None:
    """Raise PreconditionFailed where a stage, which must be locked, is not as the form showed it."""
    if seen == _as_seen(setting.paused_by, setting.slots, setting.delay_seconds):
        return
    state = f"paused by {setting.paused_by}" if setting.paused_by else "open"
    raise PreconditionFailed(
        f"somebody has changed {setting.stage} since you looked: it is {state} now; nothing was done for you"
    )


def _as_seen(paused_by: str | None, slots: int | None, delay_seconds: int) -> str:
    return f"{paused_by or ''} {slots} {delay_seconds}"


def _says(setting: StageSetting, ask: StageChange) -> str:
    if ask.paused is None:
        return f"The limits of {setting.stage} are changed."
    return f"{setting.stage} is paused." if ask.paused else f"{setting.stage} goes on."


def _written(session: Session, chosen: str | None = None, problem: AtdbError | None = None) -> str:
    told = _read(session)
    state = next((state for _, state in told.stages if state.stage == chosen), None)
    if chosen and state is None and problem is None:
        raise NotFound(f"there is no stage {chosen[:100]}")
    return render_template(
        "gui/services.html",
        told=told,
        versions=live.versions(_parts(told)),
        chosen=state,
        seen=_as_seen(state.paused_by, state.slots, state.delay_seconds) if state else "",
        rest=_rest(state.delay_seconds) if state else None,
        units=list(UNITS),
        given=request.form if problem else request.args,
        problem=problem,
    )


def _rest(delay_seconds: int) -> tuple[int, str]:
    """Give a rest in the largest unit of which it is a whole number."""
    if not delay_seconds:
        return 0, "hours"
    unit = next(unit for unit in reversed(UNITS) if delay_seconds % UNITS[unit] == 0)
    return delay_seconds // UNITS[unit], unit


def _parts(told: Told) -> list[live.Part]:
    facts = {"stages": told.stages, "services": told.services, "disks": told.disks, "works": told.works}
    return [part("gui/services_parts.html", name, of, told) for name, of in facts.items()]


def _read(session: Session) -> Told:
    now = datetime.now(UTC)
    settings = {setting.stage: setting for setting in session.scalars(select(StageSetting))}
    in_order = [settings[stage.actor] for stage in STAGES]
    return Told(
        list(zip(STAGES, stages.states(session, in_order), strict=True)),
        _works(session, now),
        seen(session, now),
        disks.with_rates(session, session.scalars(disks.latest_usages().order_by("data_host")).all()),
    )


def _works(session: Session, now: datetime) -> list[Work]:
    rows = session.execute(
        of_tasks().where(Lease.owner.is_not(None)).order_by(Lease.began_at.desc()).limit(MOST_WORKED_ON + 1)
    )
    return [
        Work(
            task(row, lease, late), run_of(lease.owner, lease.began_at), lease.lost_owners, lease.expires_at < now
        )
        for row, lease, late in rows
        if lease
    ]


def seen(session: Session, now: datetime) -> list[Seen]:
    """Return the services, those that are gone or unhealthy first, and who else has claimed something lately."""
    found = {
        row.name: Seen(
            row.name,
            row.statuses,
            row.detail,
            row.last_seen,
            now - row.last_seen > GONE_AFTER,
            troubles=heartbeats.troubles_of(row),
        )
        for row in session.scalars(select(Service))
    }
    claims = select(Claim.consumer, func.max(Claim.created_at)).group_by(Claim.consumer)
    for name, at in session.execute(claims):
        found[name] = replace(found.get(name, Seen(name)), claimed_at=at)
    return sorted(found.values(), key=lambda each: (not each.is_gone, not each.troubles, each.name))
