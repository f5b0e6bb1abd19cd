"""`/atdb/services/`: which services are there, and when each was last heard of."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest import listings
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role
from atdb_api.services import heartbeats
from atdb_interface.services import Heartbeat, Service

views = Blueprint("services", __name__, url_prefix="/services")


@views.get("/")
@endpoint(Role.VIEWER, lists=listings.SERVICES)
def list_(session: Session) -> Answer:
    """List the services that gave a sign of life."""
    return page(session, listings.SERVICES)


@views.post("/")
@endpoint(Role.SERVICE, takes=Heartbeat, answers=Service)
def record(session: Session, heartbeat: Heartbeat) -> Service:
    """Give a sign of life."""
    return listings.service(heartbeats.record(session, heartbeat))
