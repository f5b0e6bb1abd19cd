"""An operator's action on one observation, refused if the observation has changed since the operator saw it."""

from datetime import UTC

from sqlalchemy.orm import Session

from atdb_api.config import SpecificationRules
from atdb_api.models import Observation
from atdb_api.services import history, locks, observations, rights
from atdb_interface.actions import ACTIONS, Action, actions_from
from atdb_interface.errors import BadRequest, ForbiddenMove, PreconditionFailed
from atdb_interface.lifecycle import Status
from atdb_interface.observations import ObservationChange
from atdb_interface.reasons import without_code


def act(
    session: Session,
    task_id: str,
    action: str,
    *,
    seen: str,
    reason: str,
    account: rights.ActingAccount,
    rules: SpecificationRules,
) -> tuple[Status, Status]:
    """Do an action, and return the statuses before and after.

    `seen`: since when the observation had the status that the operator saw, in ISO 8601; empty to skip this check.
    If two operators act at once, the second gets an error that shows what the first did. Raises NotFound,
    PreconditionFailed, Forbidden or Conflict if this account may not, ForbiddenMove if the action is not possible
    now, and BadRequest if a reason is missing.
    """
    observation = locks.lock_observation(session, task_id)
    if action in [*Action]:
        rights.require(rights.action_refusal(account, observation, Action(action)))
    _require_as_seen(session, observation, seen)
    possible = _require_possible(observation, action)
    before = observation.status
    require_reason(possible, reason)
    change = ObservationChange(action=possible, reason=reason)
    observations.change(session, observation, change, actor=account.account, rules=rules)
    return before, observation.status


def require_reason(action: Action, reason: str) -> None:
    """Raise BadRequest if an action requires a reason and has none."""
    if ACTIONS[action].needs_reason and not reason:
        raise BadRequest(f"reason: required to {action} an observation")


def _require_as_seen(session: Session, observation: Observation, seen: str) -> None:
    if not seen or seen == observation.status_since.astimezone(UTC).isoformat():
        return
    last = history.latest(session, observation.task_id)
    raise PreconditionFailed(
        f"Observation {observation.task_id} has changed since you opened it: {last.actor} moved it from "
        f"{last.previous} to {last.status} at {last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        + (f" ({without_code(last.reason)})" if last.reason else "")
        + f". Your action was not done. Possible actions: {_listed(observation)}.",
        my_status=observation.status,
        allowed=actions_from(observation.status, observation.held_from),
    )


def _require_possible(observation: Observation, action: str) -> Action:
    possible = actions_from(observation.status, observation.held_from)
    if action not in possible:
        raise ForbiddenMove(
            f"Cannot {action or 'act on'} {observation.task_id} because it is {observation.status}. "
            f"Possible actions: {_listed(observation)}.",
            my_status=observation.status,
            allowed=possible,
        )
    return Action(action)


def _listed(observation: Observation) -> str:
    return ", ".join(actions_from(observation.status, observation.held_from)) or "none"
