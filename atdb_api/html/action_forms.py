"""The forms on a page of the API, for what its user may do. After a failure, a form has the typed values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from flask import request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from atdb_api.html.layout import Visitor
from atdb_api.rest.endpoint import Contract
from atdb_api.rest.form_fields import Field, fields, texts
from atdb_api.rest.request_body import AS_IT_WAS, FORM, NO_FIELDS
from atdb_api.services import rights
from atdb_interface.dataproducts import BYTE_FACTS, DataProductChange
from atdb_interface.lifecycle import Status, allowed_next, resume_target
from atdb_interface.observations import ObservationChange
from atdb_interface.product_lifecycle import PRODUCT_STATUSES
from atdb_interface.roles import Capability

Item = dict[str, Any]
_MOVE = ("new_status", "force", "reason")
#: The fields that name an owner, in requests that others can send without one.
_OF_OWNERS = ("owner", "lease_seconds")
#: The fields that only the owners of stages can set.
_OF_STAGES = ("owner", *BYTE_FACTS)


@dataclass(frozen=True)
class _PageObservation:
    """The observation of a page, as far as it is known, to decide what the visitor may do."""

    task_id: str
    created_by: str | None
    status: Status
    held_from: Status | None

    @classmethod
    def of(cls, item: Item) -> Self:
        """Read an item; without its history, nothing is known of a hold."""
        status = Status(item["my_status"])
        history = item.get("status_history")
        previous = history[-1]["previous"] if history and status is Status.ON_HOLD else None
        held_from = resume_target(Status(previous)) if previous else None
        return cls(item.get("taskID", ""), item.get("created_by"), status, held_from)


@dataclass(frozen=True)
class Form:
    """One form.

    `was`: the present values of the item. `next`: the statuses that can follow. `forced`: all others.
    """

    title: str
    method: str
    fields: list[Field] = field(default_factory=list)
    is_open: bool = False
    was: str = ""
    next: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    typed: Mapping[str, str] = field(default_factory=dict)


def forms(
    contracts: dict[str, Contract],
    visitor: Visitor,
    item: Item | None,
    problem: dict[str, Any] | None,
    what_post_does: str,
) -> list[Form]:
    """Return the forms that a visitor may use. `item`: the item on the page; `problem`: the error, if any."""
    may = {method: contract for method, contract in contracts.items() if visitor.may(contract.needs)}
    is_operator = visitor.may(Capability.OPERATE)
    failed = problem is not None and request.method not in ("GET", "HEAD")
    given, errors = (typed(), _errors(problem or {})) if failed else ({}, {})
    made = []
    if "POST" in may and (model := may["POST"].takes):
        left_out = (*(() if is_operator else ("force",)), *(() if visitor.may(Capability.WORK) else _OF_OWNERS))
        inputs = fields(model, leave_out=left_out, present=given, errors=errors)
        made.append(Form(what_post_does, "POST", inputs, is_open=failed or "GET" not in contracts))
    if "PATCH" in may and item and (model := may["PATCH"].takes):
        moves = "new_status" in given
        if move := _move(model, item, visitor, given if moves else {}):
            made.append(move)
        if _may_edit(model, item, visitor):
            made.append(_edit(model, item, {} if moves else given, {} if moves else errors))
    if "DELETE" in may:
        made.append(Form("Delete", "DELETE"))
    return made


def _may_edit(model: type[BaseModel], item: Item, visitor: Visitor) -> bool:
    """Return whether a visitor may edit the item of a page."""
    if not issubclass(model, ObservationChange) or visitor.may(Capability.OPERATE):
        return True
    return "my_status" in item and rights.edit_refusal(visitor, _PageObservation.of(item)) is None


def typed() -> Mapping[str, str]:
    """Return the values of the form that the browser has sent; empty if there is none."""
    try:
        return request.form if request.mimetype == FORM else {}
    except HTTPException:  # it was too large
        return {}


def _move(model: type[BaseModel], item: Item, visitor: Visitor, given: Mapping[str, str]) -> Form | None:
    """Create the form for a change of status. None if the item does not show which statuses can follow."""
    if not {"my_status", "status_history"} <= item.keys():
        return None
    is_operator = visitor.may(Capability.OPERATE)
    statuses: list[str]
    allowed: frozenset[str]
    if issubclass(model, ObservationChange):
        observation = _PageObservation.of(item)
        statuses = list(Status)
        following = allowed_next(observation.status, observation.held_from)
        allowed = frozenset(each for each in following if rights.move_refusal(visitor, observation, each) is None)
        if not (allowed or is_operator):
            return None
    elif issubclass(model, DataProductChange):
        if not is_operator:  # without force, the statuses of products require the lease of a stage
            return None
        statuses, allowed = [s for s, row in PRODUCT_STATUSES.items() if row.forcible], frozenset()
    else:
        return None
    others = [status for status in statuses if status not in allowed and status != item["my_status"]]
    return Form(
        "Move",
        "PATCH",
        is_open=True,
        next=[status for status in statuses if status in allowed],
        forced=others if is_operator else [],
        typed=given,
    )


def _edit(model: type[BaseModel], item: Item, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    left_out = (*_MOVE[:2], *_OF_STAGES)
    names = model.model_fields.keys() - {*_MOVE, *left_out}
    present = texts({name: item.get(name) for name in names})
    was = given.get(AS_IT_WAS) or json.dumps(present)
    typed_in = {name: text for name, text in given.items() if name not in NO_FIELDS}
    inputs = fields(model, leave_out=left_out, present=typed_in or present, errors=errors)
    return Form("Edit", "PATCH", inputs, is_open=bool(given), was=was)


def _errors(problem: dict[str, Any]) -> dict[str, str]:
    """Return the error message of each field. It names a part of the field if only that part is wrong."""
    messages: dict[str, str] = {}
    for error in problem.get("errors", ()):
        name, _, part = error["field"].partition(".")
        message = error.get("message", problem["detail"])
        messages.setdefault(name, f"{part}: {message}" if part else message)
    return messages
