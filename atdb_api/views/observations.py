"""`/atdb/observations/`: observations, changes of many at once, and why a status does not change."""

from datetime import UTC, datetime

from flask import Response
from sqlalchemy.orm import Session

from atdb_api.models import Observation as Row
from atdb_api.reads import serialization
from atdb_api.rest.auth import actor, login, require_for_action, require_for_force
from atdb_api.rest.endpoint import endpoint, require_match, with_etag
from atdb_api.rest.resources import OBSERVATIONS
from atdb_api.rest.site import specification_rules
from atdb_api.services import bulk_changes, data_places, observations, rights
from atdb_api.services.explain import sentences
from atdb_api.views.resource_views import add_detail, listing
from atdb_interface.bulk import BulkAnswer, ObservationBulk
from atdb_interface.dataproducts import Neighbour, Neighbours
from atdb_interface.errors import Duplicate, ForbiddenMove, NotFound, NotOwner
from atdb_interface.observations import NewObservation, Observation, ObservationChange, Why
from atdb_interface.roles import Capability

views = listing(OBSERVATIONS)


@views.post("/")
@endpoint(Capability.SPECIFY, takes=NewObservation, answers=Observation, status=201, refuses=(Duplicate,))
def create(session: Session, new: NewObservation) -> Response:
    """Create an observation from a specification."""
    return _response(
        session, observations.create(session, new, actor=actor(), rules=specification_rules()), status=201
    )


@views.post("/bulk/")
@endpoint(Capability.OPERATE, takes=ObservationBulk, answers=BulkAnswer, refuses=bulk_changes.REFUSES)
def change_many(session: Session, ask: ObservationBulk) -> BulkAnswer:
    """Preview a change of all observations that match a filter. With the token of the preview, make the change."""
    require_for_action(ask.change.action, on_many=True)
    return bulk_changes.change_observations(session, ask, actor=actor(), rules=specification_rules())


add_detail(views, OBSERVATIONS)


@views.route("/<int:observation_id>/", methods=["PUT", "PATCH"])
@endpoint(
    Capability.SPECIFY | Capability.REPORT | Capability.WORK,
    takes=ObservationChange,
    answers=Observation,
    has_etag=True,
    refuses=(NotFound, ForbiddenMove, NotOwner, Duplicate),
)
def change(session: Session, change: ObservationChange, observation_id: int) -> Response:
    """Change some fields of an observation, or its status by `new_status` or an `action`.

    Astronomers change and cancel their own observations before the start. Other accounts change what their
    capabilities allow.
    """
    require_for_force(change)
    require_for_action(change.action)
    row = observations.lock(session, observation_id)
    _require_match(session, row)
    rights.require_change(login(), row, change)
    keeps_data = not login().may(Capability.OPERATE)
    rules = specification_rules()
    observations.change(session, row, change, actor=actor(), rules=rules, keeps_data=keeps_data)
    session.flush()
    session.refresh(row)
    return _response(session, row)


@views.delete("/<int:observation_id>/")
@endpoint(Capability.OPERATE, status=204, has_etag=True, refuses=(NotFound, ForbiddenMove))
def delete(session: Session, observation_id: int) -> None:
    """Delete an observation that was never started."""
    row = observations.lock(session, observation_id)
    _require_match(session, row)
    observations.delete(session, row, actor=actor())


@views.get("/<int:observation_id>/why/")
@endpoint(Capability.READ, answers=Why, refuses=(NotFound,))
def explain(session: Session, observation_id: int) -> Why:
    """Explain why the status of an observation does not change."""
    row = observations.get(session, observation_id)
    sentence = sentences.explain(session, row, datetime.now(UTC))
    return Why(taskID=row.task_id, my_status=row.status, since=row.status_since, why=sentence)


@views.get("/<int:observation_id>/neighbours/")
@endpoint(Capability.READ, answers=Neighbours, refuses=(NotFound,))
def neighbours(session: Session, observation_id: int) -> Neighbours:
    """List the data products of other observations whose data are with those of an observation."""
    rows = data_places.neighbours(session, observations.get(session, observation_id))
    neighbours = [
        Neighbour(taskID=row.task_id, filename=row.filename, data_location=row.data_location, my_status=row.status)
        for row in rows
    ]
    return Neighbours(results=neighbours)


def _response(session: Session, row: Row, status: int = 200) -> Response:
    return with_etag(serialization.observations(session, [row])[0], status=status)


def _require_match(session: Session, row: Row) -> None:
    require_match(lambda: serialization.observations(session, [row])[0])
