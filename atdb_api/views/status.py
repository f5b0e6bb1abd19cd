"""`/atdb/status/`: the history of statuses; a POST moves an observation."""

from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor, require_for_force
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import TRANSITIONS
from atdb_api.roles import Role
from atdb_api.services import history, locks, transitions
from atdb_api.services.authority import Authority
from atdb_api.views.resource_views import add_detail, listing
from atdb_interface.errors import ForbiddenMove, NotFound, NotOwner, NotYet
from atdb_interface.transitions import Move, Transition

views = listing(TRANSITIONS)


@views.post("/")
@endpoint(Role.SERVICE, takes=Move, answers=Transition, refuses=(NotFound, ForbiddenMove, NotOwner, NotYet))
def move(session: Session, ask: Move) -> Transition:
    """Move an observation; return the transition to the requested status."""
    require_for_force(ask)
    transitions.move(
        session,
        locks.lock_observation(session, ask.taskID),
        ask.name,
        Authority.of_owner(actor(), ask.owner, ask.lease_seconds).forced_if(ask.force),
        expect=ask.expect,
        reason=ask.reason,
    )
    session.flush()
    return TRANSITIONS.fields.item(history.latest(session, ask.taskID))


add_detail(views, TRANSITIONS)
