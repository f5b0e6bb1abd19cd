"""`/atdb/stages/`: the five stages as operators govern them."""

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.listings import STAGES
from atdb_api.rest.pagination import Answer, item, page
from atdb_api.roles import Role
from atdb_api.services import stages
from atdb_interface.errors import NotFound
from atdb_interface.stages import StageChange, StageState

views = Blueprint("stages", __name__, url_prefix="/stages")


@views.get("/")
@endpoint(Role.VIEWER, lists=STAGES)
def list_(session: Session) -> Answer:
    """List the stages: paused or not, their limits, and what waits for them."""
    return page(session, STAGES)


@views.get("/<stage>/")
@endpoint(Role.VIEWER, shows=STAGES, refuses=(NotFound,))
def detail(session: Session, stage: str) -> Answer:
    """Show one stage."""
    return item(session, STAGES, stage)[1]


@views.route("/<stage>/", methods=["PUT", "PATCH"])
@endpoint(Role.OPERATOR, takes=StageChange, answers=StageState, refuses=(NotFound,))
def change(session: Session, change: StageChange, stage: str) -> StageState:
    """Pause a stage or let it go on, or change its limits."""
    setting = stages.lock(session, stage)
    stages.change(session, setting, change, actor=actor())
    session.flush()
    return stages.states(session, [setting])[0]
