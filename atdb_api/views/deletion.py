"""`/atdb/deletion/`: the deletion switch, with which operators stop all deletion at once."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import endpoint
from atdb_api.services import deletion
from atdb_interface.deletion import Deletion, DeletionChange
from atdb_interface.roles import Capability

views = Blueprint("deletion", __name__, url_prefix="/deletion")


@views.get("/")
@endpoint(Capability.READ, answers=Deletion)
def show(session: Session) -> Deletion:
    """Return whether data may be deleted from the data hosts."""
    return deletion.state(session)


@views.route("/", methods=["PUT", "PATCH"])
@endpoint(Capability.OPERATE, takes=DeletionChange, answers=Deletion)
def change(session: Session, ask: DeletionChange) -> Deletion:
    """Switch all deletion from the data hosts off, or on again."""
    return deletion.change(session, ask, actor=actor())
