"""`/atdb/status/`: the history of statuses, to which a POST adds: that is a move."""

from typing import Any

from flask import Blueprint, request
from sqlalchemy import select

from atdb_api import wire
from atdb_api.auth import actor
from atdb_api.database import transaction
from atdb_api.models import Transition
from atdb_api.pages import page
from atdb_api.services import moves
from atdb_api.views.reading import body
from atdb_interface.errors import NotFound
from atdb_interface.models import Move

views = Blueprint("status", __name__, url_prefix="/status")


@views.get("/")
def list_() -> dict[str, Any]:
    """List transitions; of observations only, unless a parameter asks for `dataproduct`."""
    query = select(Transition)
    if not any(name.partition("__")[0] == "dataproduct" for name in request.args):
        query = query.where(Transition.dataproduct.is_(None))
    with transaction() as session:
        return page(
            session,
            query,
            wire.TRANSITION_COLUMNS,
            lambda _, rows: [wire.transition(row) for row in rows],
            default_ordering="id",
        )


@views.post("/")
def move() -> dict[str, Any]:
    """Move an observation; the answer is the transition that led to the status asked for."""
    ask = body(Move)
    with transaction() as session:
        row = moves.move(
            session,
            ask.taskID,
            ask.name,
            actor=actor(),
            expect=ask.expect,
            owner=ask.owner,
            lease_seconds=ask.lease_seconds,
            reason=ask.reason,
        )
        return wire.transition(row).model_dump(mode="json")


@views.get("/<int:transition_id>/")
def detail(transition_id: int) -> dict[str, Any]:
    """Show one transition."""
    with transaction() as session:
        row = session.get(Transition, transition_id)
        if row is None:
            raise NotFound(f"no transition has id {transition_id}")
        return wire.transition(row).model_dump(mode="json")
