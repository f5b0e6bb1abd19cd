"""`/atdb/claims/`: claim waiting observations, each for one consumer."""

from typing import Any

from flask import Blueprint, request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from atdb_api.rest import pagination
from atdb_api.rest.auth import actor, login
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.request_body import Parameter
from atdb_api.search import columns, filters
from atdb_api.services import claims
from atdb_interface.claims import Claim, ClaimRequest, MostOpen, OpenClaims, Release, Released, Waiting
from atdb_interface.errors import NotOwner
from atdb_interface.field_errors import message_of
from atdb_interface.fields import Name
from atdb_interface.lifecycle import Status
from atdb_interface.roles import Capability

views = Blueprint("claims", __name__, url_prefix="/claims")
_STATUS = filters.status_kind(Status)
_STATUSES = Parameter(
    "statuses",
    "Statuses to count, separated by commas.",
    {"type": "string", "pattern": filters.several(_STATUS)},
    required=True,
)
_MOST_OPEN = Parameter(
    "most_open",
    "As in a claim: the most observations of a stage that are claimed and not begun.",
    TypeAdapter(MostOpen).json_schema(),
)
_CONSUMER = Parameter("consumer", "Consumer that made the claims.", TypeAdapter(Name).json_schema(), required=True)


@views.get("/")
@endpoint(
    Capability.READ, answers=Waiting, parameters=(_STATUSES, _MOST_OPEN), filters=columns.OBSERVATION_COLUMNS
)
def look(session: Session) -> Waiting:
    """Count the observations that a claim for `?statuses=` and filters would return; change nothing."""
    own = (_STATUSES.name, _MOST_OPEN.name)
    parameters = [pair for pair in request.args.items(multi=True) if pair[0] not in own]
    try:
        statuses = [filters.read(_STATUS, text) for text in pagination.listed(_STATUSES.name) or [""]]
    except ValueError as error:
        raise filters.unreadable("statuses", str(error)) from None
    return Waiting(waiting=claims.count_waiting(session, statuses, parameters, _read(MostOpen, _MOST_OPEN)))


@views.get("/open/")
@endpoint(Capability.READ, answers=OpenClaims, parameters=(_CONSUMER,))
def open_(session: Session) -> OpenClaims:
    """List the observations that a consumer has claimed and on which no work has begun.

    A consumer belongs to its account. Operators see the claims of all accounts, other users only those that they
    can use.
    """
    consumer = _read(Name, _CONSUMER)
    if consumer is None:
        raise filters.unreadable(_CONSUMER.name, "is required")
    return OpenClaims(tasks=claims.open_claims(session, consumer, account=_limited_to()))


@views.post("/")
@endpoint(Capability.WORK, takes=ClaimRequest, answers=Claim, refuses=(NotOwner,))
def claim(session: Session, ask: ClaimRequest) -> Claim:
    """Claim waiting observations, for this account and, if the request names it, for one other."""
    return Claim.model_validate(claims.claim(session, ask, actor=actor()), from_attributes=True)


@views.post("/release/")
@endpoint(Capability.WORK, takes=Release, answers=Released, refuses=(NotOwner,))
def release(session: Session, ask: Release) -> Released:
    """Release claimed observations on which no work will begin, so that they are available to claim."""
    return Released(released=claims.release(session, ask.taskIDs, ask.claim, account=_limited_to()))


def _read(kind: Any, parameter: Parameter) -> Any:
    """Return the value of a parameter of this kind; None if the request does not have it. Raises BadRequest."""
    text = request.args.get(parameter.name)
    try:
        return None if text is None else TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise filters.unreadable(parameter.name, message_of(error.errors()[0])) from None


def _limited_to() -> str | None:
    """Return the account whose claims this request may use; None if it may use all."""
    return None if login().may(Capability.OPERATE) else actor()
