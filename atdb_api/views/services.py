"""`/atdb/services/`: the services, and their latest heartbeats."""

from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import SERVICES
from atdb_api.services import heartbeats
from atdb_api.views.resource_views import listing
from atdb_interface.roles import Capability
from atdb_interface.services import Heartbeat, Service

views = listing(SERVICES)


@views.post("/")
@endpoint(Capability.REPORT | Capability.WORK, takes=Heartbeat, answers=Service)
def record(session: Session, heartbeat: Heartbeat) -> Service:
    """Send a heartbeat."""
    return SERVICES.fields.item(heartbeats.record(session, heartbeat))
