"""`/atdb/events/`: what operators should know although no status shows it."""

from flask import Response
from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import answer, endpoint
from atdb_api.rest.resources import EVENTS
from atdb_api.services import events
from atdb_api.views.resource_views import listing
from atdb_interface.events import Event, NewEvent
from atdb_interface.roles import Capability

views = listing(EVENTS)


@views.post("/")
@endpoint(Capability.WORK, takes=NewEvent, takes_many=True, answers=list[Event], status=201)
def record(session: Session, new: tuple[list[NewEvent], bool]) -> Response:
    """Record one event or many; return those whose key is new."""
    recorded = events.record(session, new[0], actor=actor())
    return answer([EVENTS.fields.item(row).model_dump(mode="json") for row in recorded], 201)
