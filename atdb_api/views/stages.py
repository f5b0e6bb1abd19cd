"""`/atdb/stages/`: the five stages, which operators pause, resume and limit."""

from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import STAGES
from atdb_api.services import stages
from atdb_api.views.resource_views import add_detail, listing
from atdb_interface.errors import NotFound
from atdb_interface.roles import Capability
from atdb_interface.stages import StageChange, StageState

views = listing(STAGES)
add_detail(views, STAGES)


@views.route("/<stage>/", methods=["PUT", "PATCH"])
@endpoint(Capability.OPERATE, takes=StageChange, answers=StageState, refuses=(NotFound,))
def change(session: Session, change: StageChange, stage: str) -> StageState:
    """Pause or resume a stage, or change its limits."""
    setting = stages.lock(session, stage)
    stages.change(session, setting, change, actor=actor())
    session.flush()
    return stages.states(session, [setting])[0]
