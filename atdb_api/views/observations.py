"""`/atdb/observations/`."""

from typing import Any

from flask import Blueprint
from sqlalchemy import select

from atdb_api import wire
from atdb_api.auth import actor
from atdb_api.database import transaction
from atdb_api.models import Observation
from atdb_api.pages import page
from atdb_api.services import observations
from atdb_api.views.reading import body
from atdb_interface.models import NewObservation, ObservationChange

views = Blueprint("observations", __name__, url_prefix="/observations")


@views.get("/")
def list_() -> dict[str, Any]:
    """List observations."""
    with transaction() as session:
        return page(
            session, select(Observation), wire.OBSERVATION_COLUMNS, wire.observations, default_ordering="id"
        )


@views.post("/")
def create() -> tuple[dict[str, Any], int]:
    """Make an observation from a specification."""
    with transaction() as session:
        row = observations.create(session, body(NewObservation), actor=actor())
        return wire.observations(session, [row])[0].model_dump(mode="json"), 201


@views.get("/<int:observation_id>/")
def detail(observation_id: int) -> dict[str, Any]:
    """Show one observation."""
    with transaction() as session:
        row = observations.get(session, observation_id)
        return wire.observations(session, [row])[0].model_dump(mode="json")


@views.route("/<int:observation_id>/", methods=["PUT", "PATCH"])
def change(observation_id: int) -> dict[str, Any]:
    """Change some fields, or move it by `new_status`."""
    with transaction() as session:
        row = observations.change(session, observation_id, body(ObservationChange), actor=actor())
        return wire.observations(session, [row])[0].model_dump(mode="json")


@views.delete("/<int:observation_id>/")
def delete(observation_id: int) -> tuple[str, int]:
    """Delete an observation that never started."""
    with transaction() as session:
        observations.delete(session, observation_id)
    return "", 204
