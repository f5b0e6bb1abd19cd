"""`/atdb/disks/`: how full the disks of the data hosts are, and when they will be."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.listings import DISKS
from atdb_api.rest.pagination import Answer, page
from atdb_api.roles import Role
from atdb_api.services import disks
from atdb_interface.disks import Disk, DiskUsage

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
    return disks.measure(session, usage)
