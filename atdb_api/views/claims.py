"""`/atdb/claims/`: give waiting observations out, each to one consumer."""

from typing import Any

from flask import Blueprint, request
from pydantic import TypeAdapter

from atdb_api.database import transaction
from atdb_api.services import claims
from atdb_api.views.reading import body
from atdb_interface.lifecycle import Status
from atdb_interface.models import Claim, ClaimRequest

views = Blueprint("claims", __name__, url_prefix="/claims")
_STATUSES: TypeAdapter[list[Status]] = TypeAdapter(list[Status])


@views.get("/")
def look() -> dict[str, int]:
    """Count the observations that a claim for `?statuses=` (and filters) would give; changes nothing."""
    parameters = dict(request.args.items())
    statuses = _STATUSES.validate_python(parameters.pop("statuses", "").split(","))
    with transaction() as session:
        return {"waiting": claims.count_waiting(session, statuses, parameters)}


@views.post("/")
def claim() -> dict[str, Any]:
    """Claim waiting observations."""
    with transaction() as session:
        given = claims.claim(session, body(ClaimRequest))
        return Claim.model_validate(given, from_attributes=True).model_dump(mode="json")
