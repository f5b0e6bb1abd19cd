"""`/atdb/events/`: what operators should know of, though no status says it."""

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from atdb_api.rest import listings
from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import answer, endpoint
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role
from atdb_api.services import events
from atdb_interface.events import Event, NewEvent

views = Blueprint("events", __name__, url_prefix="/events")


@views.get("/")
@endpoint(Role.VIEWER, lists=listings.EVENTS)
def list_(session: Session) -> Answer:
    """List events."""
    return page(session, listings.EVENTS)


@views.post("/")
@endpoint(Role.SERVICE, takes=NewEvent, takes_many=True, answers=list[Event], status=201)
def tell(session: Session, new: tuple[list[NewEvent], bool]) -> Response:
    """Tell of one event or of many; the answer is those whose key was not told before."""
    told = events.tell(session, new[0], actor=actor())
    return answer([listings.event(row).model_dump(mode="json") for row in told], 201)
