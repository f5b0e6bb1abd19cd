"""`/atdb/leases/`: who works on what, and until when."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest import listings
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role
from atdb_api.services import leases
from atdb_interface.errors import NotFound, NotOwner
from atdb_interface.leases import HeldLease, Lease

views = Blueprint("leases", __name__, url_prefix="/leases")


@views.get("/")
@endpoint(Role.VIEWER, lists=listings.LEASES)
def list_(session: Session) -> Answer:
    """List the leases; `?expires_at__lt=` finds the lost ones."""
    return page(session, listings.LEASES)


@views.post("/")
@endpoint(Role.SERVICE, takes=Lease, answers=HeldLease, refuses=(NotFound, NotOwner))
def renew(session: Session, ask: Lease) -> HeldLease:
    """Prolong the lease of its owner, and note how far the work is."""
    return listings.lease(leases.renew(session, ask))
