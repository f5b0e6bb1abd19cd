"""`/services/`: the stages and their queues, the services, the data hosts, and the work in progress."""

from flask import Blueprint, Response, render_template, request, url_for

from atdb_api.database import Session
from atdb_api.gui import live
from atdb_api.gui.fragments import part
from atdb_api.gui.page import done, page
from atdb_api.reads.services_page import ServicesPage, read_services
from atdb_api.rest import auth
from atdb_api.services import stages
from atdb_interface.errors import AtdbError, BadRequest, NotFound, PreconditionFailed
from atdb_interface.roles import Capability
from atdb_interface.stages import StageChange, StageState

views = Blueprint("services", __name__, url_prefix="/services")

#: The capability that the API requires for the same.
NEEDS = Capability.OPERATE
#: The units of a delay, in seconds.
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


@views.get("/")
@page(Capability.READ)
def show(session: Session) -> str:
    """Show the page."""
    return _render(session)


@views.get("/parts/")
@page(Capability.READ)
def parts(session: Session) -> Response:
    """Return the parts of the page that have changed."""
    return live.answer(_parts(read_services(session)))


@views.get("/<stage>/")
@page(NEEDS)
def form(session: Session, stage: str) -> str:
    """Show the page with the form for one stage."""
    return _render(session, stage)


def _refused(session: Session, error: AtdbError, stage: str) -> str:
    return _render(session, stage, error)


@views.post("/<stage>/")
@page(NEEDS, refused=_refused)
def change(session: Session, stage: str) -> Response:
    """Pause or resume a stage, or change its limits, if it has not changed since the form was shown."""
    setting = stages.lock(session, stage)
    (state,) = stages.states(session, [setting], counted=False)
    _require_as_seen(state, request.form.get("seen", ""))
    ask = _change(request.form.get("do", ""))
    stages.change(session, setting, ask, actor=auth.actor())
    return done(_outcome(state.stage, ask), url_for(".show"))


def _change(do: str) -> StageChange:
    reason = request.form.get("reason", "").strip()
    match do:
        case "pause":
            return StageChange(paused=True, reason=reason)
        case "resume":
            return StageChange(paused=False, reason=reason)
        case "limit":
            slots = request.form.get("slots", "").strip() or None
            return StageChange.model_validate(
                {"slots": slots, "delay_seconds": _delay_seconds(), "reason": reason}
            )
    raise BadRequest("Choose an action.")


def _delay_seconds() -> str:
    number, unit = request.form.get("rest", "").strip() or "0", request.form.get("unit", "")
    if unit not in UNITS or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise BadRequest("The delay must be a whole number of seconds, minutes, hours or days.")
    return str(int(number) * UNITS[unit])


def _require_as_seen(state: StageState, seen: str) -> None:
    """Raise PreconditionFailed if a stage, which must be locked, has changed since the form was shown."""
    if seen == _as_seen(state):
        return
    now = f"paused by {state.paused_by}" if state.paused_by else "open"
    raise PreconditionFailed(
        f"Stage {state.stage} has changed since you opened the form: it is now {now}. Your change was not made. "
        "Check the settings, then retry."
    )


def _as_seen(state: StageState) -> str:
    return f"{state.paused_by or ''} {state.slots} {state.delay_seconds}"


def _outcome(stage: str, ask: StageChange) -> str:
    if ask.paused is None:
        return f"The limits of stage {stage} have been changed."
    return f"Stage {stage} is paused." if ask.paused else f"Stage {stage} has been resumed."


def _render(session: Session, chosen: str | None = None, problem: AtdbError | None = None) -> str:
    services_page = read_services(session)
    state = next((state for _, state in services_page.stages if state.stage == chosen), None)
    if chosen and state is None and problem is None:
        raise NotFound(f"There is no stage {chosen[:100]}.")
    return render_template(
        "gui/services.html",
        page=services_page,
        versions=live.versions(_parts(services_page)),
        chosen=state,
        seen=_as_seen(state) if state else "",
        rest=_delay(state.delay_seconds) if state else None,
        units=list(UNITS),
        given=request.form if problem else request.args,
        problem=problem,
    )


def _delay(delay_seconds: int) -> tuple[int, str]:
    """Return a delay as a whole number of the largest possible unit."""
    if not delay_seconds:
        return 0, "hours"
    unit = next(unit for unit in reversed(UNITS) if delay_seconds % UNITS[unit] == 0)
    return delay_seconds // UNITS[unit], unit


def _parts(services_page: ServicesPage) -> list[live.Part]:
    facts = {
        "deletion": services_page.deletion,
        "stages": (services_page.stages, services_page.deletion),
        "services": services_page.services,
        "disks": services_page.disks,
        "works": services_page.works,
    }
    return [part("gui/services_parts.html", name, of_part, services_page) for name, of_part in facts.items()]
