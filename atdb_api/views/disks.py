"""`/atdb/disks/`: how full the disks of the data hosts are, and when they will be."""

from sqlalchemy.orm import Session

from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import DISKS
from atdb_api.services import disks
from atdb_api.views.resource_views import listing
from atdb_interface.disks import Disk, DiskUsage
from atdb_interface.roles import Capability

views = listing(DISKS)


@views.post("/")
@endpoint(Capability.WORK, takes=DiskUsage, answers=Disk)
def measure(session: Session, usage: DiskUsage) -> Disk:
    """Report how full a disk is now."""
    return disks.measure(session, usage)
