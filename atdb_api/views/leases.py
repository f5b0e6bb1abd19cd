"""`/atdb/leases/`: the owners of work in progress, and when their leases expire."""

from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import LEASES
from atdb_api.services import leases
from atdb_api.views.resource_views import listing
from atdb_interface.errors import NotFound, NotOwner
from atdb_interface.leases import HeldLease, Lease
from atdb_interface.roles import Capability

views = listing(LEASES)


@views.post("/")
@endpoint(Capability.WORK, takes=Lease, answers=HeldLease, refuses=(NotFound, NotOwner))
def renew(session: Session, ask: Lease) -> HeldLease:
    """Extend the lease of an owner, and record how far its work is."""
    return LEASES.fields.item(leases.renew(session, ask, actor=actor()))
