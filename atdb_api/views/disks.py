"""`/atdb/disks/`: how full the disks of the data hosts are, and when they will be."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.endpoint import endpoint
from atdb_api.listings import DISKS
from atdb_api.pages import Answer, page
from atdb_api.roles import Role
from atdb_api.services import presence
from atdb_interface.presence import Disk, DiskUsage

views = Blueprint("disks", __name__, url_prefix="/disks")


@views.get("/")
@endpoint(Role.VIEWER, lists=DISKS)
def list_(session: Session) -> Answer:
    """List the disks of the data hosts."""
    return page(session, DISKS)


@views.post("/")
@endpoint(Role.SERVICE, takes=DiskUsage, answers=Disk)
def measure(session: Session, usage: DiskUsage) -> Disk:
    """Tell how full a disk is now."""
    return presence.measure(session, usage)
