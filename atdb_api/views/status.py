"""`/atdb/status/`: the history of statuses; a POST moves an observation."""

from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor, login, require, require_for_force
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import TRANSITIONS
from atdb_api.rest.site import specification_rules
from atdb_api.services import history, locks, observations, rights
from atdb_api.services.authority import Authority
from atdb_api.views.resource_views import add_detail, listing
from atdb_interface.errors import ForbiddenMove, NotFound, NotOwner, NotYet
from atdb_interface.roles import Capability
from atdb_interface.transitions import Move, Transition

views = listing(TRANSITIONS)


@views.post("/")
@endpoint(
    Capability.SPECIFY | Capability.REPORT | Capability.WORK,
    takes=Move,
    answers=Transition,
    refuses=(NotFound, ForbiddenMove, NotOwner, NotYet),
)
def move(session: Session, ask: Move) -> Transition:
    """Move an observation; return the transition to the requested status.

    Astronomers can only withdraw their own observations, and the telescope only reports. An `owner` requires the
    capability to work.
    """
    require_for_force(ask)
    if ask.owner is not None:
        require(Capability.WORK)
    observation = locks.lock_observation(session, ask.taskID)
    rights.require(rights.move_refusal(login(), observation, ask.name))
    observations.move(
        session,
        observation,
        ask.name,
        Authority.of_owner(actor(), ask.owner, ask.lease_seconds).forced_if(ask.force),
        rules=specification_rules(),
        expect=ask.expect,
        reason=ask.reason,
    )
    session.flush()
    return TRANSITIONS.fields.item(history.latest(session, ask.taskID))


add_detail(views, TRANSITIONS)
