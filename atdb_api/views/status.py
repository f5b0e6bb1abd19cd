"""`/atdb/status/`: the history of statuses, to which a POST adds: that is a move."""

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from atdb_api.models import Transition as Row
from atdb_api.reads import serialization
from atdb_api.rest.auth import actor, require_for_force
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.listings import TRANSITIONS
from atdb_api.rest.pagination import Answer, item, page
from atdb_api.roles import Role
from atdb_api.services import history, locks, transitions
from atdb_api.services.authority import Authority
from atdb_interface.errors import ForbiddenMove, NotFound, NotOwner, NotYet
from atdb_interface.models import Transition
from atdb_interface.work import Move

views = Blueprint("status", __name__, url_prefix="/status")


@views.get("/")
@endpoint(Role.VIEWER, lists=TRANSITIONS)
def list_(session: Session) -> Answer:
    """List transitions; of observations only, unless a parameter asks for `dataproduct`."""
    query = select(Row)
    if not any(name.partition("__")[0] == "dataproduct" for name in request.args):
        query = query.where(Row.dataproduct.is_(None))
    return page(session, TRANSITIONS, query)


@views.post("/")
@endpoint(Role.SERVICE, takes=Move, answers=Transition, refuses=(NotFound, ForbiddenMove, NotOwner, NotYet))
def move(session: Session, ask: Move) -> Transition:
    """Move an observation; the answer is the transition that led to the status asked for."""
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
    return serialization.transition(history.latest(session, ask.taskID))


@views.get("/<int:transition_id>/")
@endpoint(Role.VIEWER, shows=TRANSITIONS, refuses=(NotFound,))
def detail(session: Session, transition_id: int) -> Answer:
    """Show one transition."""
    return item(session, TRANSITIONS, transition_id)[1]
