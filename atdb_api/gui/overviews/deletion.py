"""`/deletion/`: the deletion switch, with which operators stop all deletion from the data hosts at once."""

from flask import Blueprint, Response, render_template, request, url_for

from atdb_api.database import Session
from atdb_api.gui.page import done, page
from atdb_api.rest import auth
from atdb_api.services import deletion
from atdb_interface.deletion import Deletion, DeletionChange
from atdb_interface.errors import AtdbError, BadRequest, PreconditionFailed
from atdb_interface.roles import Capability

views = Blueprint("deletion", __name__, url_prefix="/deletion")

#: The capability that the API requires for the same.
NEEDS = Capability.OPERATE
#: The values of the field `do`, and whether each allows deletion.
_CHOICES = {"off": False, "on": True}


@views.get("/")
@page(Capability.READ)
def show(session: Session) -> str:
    """Show the state of the switch."""
    return _render(session)


def _refused(session: Session, error: AtdbError) -> str:
    return _render(session, error)


@views.post("/")
@page(NEEDS, refused=_refused)
def change(session: Session) -> Response:
    """Switch deletion off or on, if it has not changed since the form was shown."""
    if request.form.get("do") not in _CHOICES:
        raise BadRequest("Choose whether to switch deletion off or on.")
    _require_as_seen(deletion.lock(session))
    ask = DeletionChange(allowed=_CHOICES[request.form["do"]], reason=request.form.get("reason", "").strip())
    now = deletion.change(session, ask, actor=auth.actor())
    return done(f"Deletion has been switched {'on' if now.allowed else 'off'}.", url_for(".show"))


def _require_as_seen(now: Deletion) -> None:
    if request.form.get("seen", "") == _as_seen(now):
        return
    state = "on" if now.allowed else f"off, by {now.stopped_by}"
    raise PreconditionFailed(
        f"The switch has changed since you opened the form: deletion is now {state}. Your change was not made. "
        "Check the state, then retry."
    )


def _as_seen(now: Deletion) -> str:
    return "" if now.stopped_at is None else f"{now.stopped_by} {now.stopped_at.isoformat()}"


def _render(session: Session, problem: AtdbError | None = None) -> str:
    now = deletion.state(session)
    return render_template(
        "gui/deletion.html",
        deletion=now,
        seen=_as_seen(now),
        needs=NEEDS,
        given=request.form if problem else request.args,
        problem=problem,
    )
