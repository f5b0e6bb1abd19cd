"""`/tasks/bulk/`: one action for many observations: a preview and, after confirmation, the action."""

from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, make_response, render_template, request

from atdb_api.database import Session
from atdb_api.gui.page import BACK, TOKEN, page
from atdb_api.gui.tasks.available_actions import NEEDS_FOR_MANY
from atdb_api.gui.tasks.task_address import filled, parameters
from atdb_api.html import layout
from atdb_api.rest import auth
from atdb_api.rest.site import specification_rules
from atdb_api.services import bulk_changes, operator_actions
from atdb_interface import query_lists
from atdb_interface.actions import ACTIONS, Action
from atdb_interface.bulk import BulkAnswer, ObservationBulk
from atdb_interface.errors import AtdbError, BadRequest
from atdb_interface.lifecycle import Status

views = Blueprint("bulk", __name__, url_prefix="/tasks/bulk")

#: The fields of the form: the selected observations; or a flag for all that match, and the filters.
TASK, ALL, FILTERS = "task", "all", "filters"


@views.get("/")
@page(NEEDS_FOR_MANY)
def form(_: Session) -> str:
    """Show the form again, as it was before the login."""
    return _render(request.args)


def _refused(_: Session, error: AtdbError) -> str:
    return _render(request.form, problem=error)


@views.post("/")
@page(NEEDS_FOR_MANY, refused=_refused)
def change(session: Session) -> Response:
    """Show a preview of the action. If the form has the token of a preview, do the action."""
    ask = _ask(request.form)
    answer = bulk_changes.change_observations(session, ask, actor=auth.actor(), rules=specification_rules())
    return make_response(_render(request.form, answer))


def _ask(given: Any) -> ObservationBulk:
    if given.get("action") not in [*Action]:
        raise BadRequest("Choose an action.")
    action, reason = Action(given["action"]), given.get("reason", "").strip()
    auth.require_for_action(action, on_many=True)
    operator_actions.require_reason(action, reason)
    return ObservationBulk.model_validate(
        {
            "filters": _meant(given),
            "change": {"action": action, "reason": reason},
            "token": given.get(TOKEN) or None,
        }
    )


def _meant(given: Any) -> dict[str, str]:
    """Return the filters that match the observations of the form. Raises BadRequest if it selects none."""
    if given.get(ALL):
        return parameters(filled(parse_qsl(given.get(FILTERS, "").lstrip("?")))) or {"taskID__isnull": "false"}
    task_ids = given.getlist(TASK)
    if not task_ids:
        raise BadRequest("No observation is selected. Select some, or all that match the filters.")
    return {"taskID__in": query_lists.write(dict.fromkeys(task_ids))}


def _render(given: Any, answer: BulkAnswer | None = None, problem: AtdbError | None = None) -> str:
    names = (TASK, ALL, FILTERS, "action", "reason", BACK)
    kept = [(name, value) for name in names for value in given.getlist(name) if value]
    return render_template(
        "gui/bulk.html",
        answer=answer,
        problem=problem,
        kept=kept,
        selection=[pair for pair in kept if pair[0] not in ("action", "reason")],
        action=given.get("action", ""),
        reason=given.get("reason", ""),
        back=layout.local(given.get(BACK, "")),
        number=None if given.get(ALL) else len(given.getlist(TASK)),
        filters=parse_qsl(given.get(FILTERS, "").lstrip("?")) if given.get(ALL) else [],
        actions=[action for action, row in ACTIONS.items() if layout.visitor().may(row.needs_for_many)],
        dangerous=[action for action, row in ACTIONS.items() if row.is_dangerous],
        aborted=Status.ABORTED,
    )
