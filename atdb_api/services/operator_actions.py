"""An action of an operator on one observation, done only if the observation still is as the operator saw it."""

from datetime import UTC

from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.services import history, locks, observations
from atdb_interface.actions import ACTIONS, Action, actions_from
from atdb_interface.errors import BadRequest, ForbiddenMove, PreconditionFailed
from atdb_interface.lifecycle import Status
from atdb_interface.observations import ObservationChange


def act(
    session: Session, task_id: str, action: str, *, seen: str, reason: str, actor: str
) -> tuple[Status, Status]:
    """Do an action, and return the statuses before and after.

    `seen`: since when the observation had its status as the operator saw it, in ISO 8601; empty for any. So of two
    people who act at once, the second is told of the first. Raises NotFound, PreconditionFailed, ForbiddenMove for
    an action that makes no sense now, and BadRequest if it needs a reason and has none.
    """
    observation = locks.lock_observation(session, task_id)
    _require_as_seen(session, observation, seen)
    possible = _require_possible(observation, action)
    before = observation.status
    require_reason(possible, reason)
    observations.change(session, observation, ObservationChange(action=possible, reason=reason), actor=actor)
    return before, observation.status


def require_reason(action: Action, reason: str) -> None:
    """Raise BadRequest if an action needs a reason and has none."""
    if ACTIONS[action].needs_reason and not reason:
        raise BadRequest(f"reason: say why you ask to {action} it")


def _require_as_seen(session: Session, observation: Observation, seen: str) -> None:
    if not seen or seen == observation.status_since.astimezone(UTC).isoformat():
        return
    last = history.latest(session, observation.task_id)
    raise PreconditionFailed(
        f"{observation.task_id} has changed since you looked: {last.actor} moved it from {last.previous} to "
        f"{last.status} at {last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        + (f" ({last.reason})" if last.reason else "")
        + f". Nothing was done for you; it may now be asked to {_listed(observation)}",
        my_status=observation.status,
        allowed=actions_from(observation.status, observation.held_from),
    )


def _require_possible(observation: Observation, action: str) -> Action:
    possible = actions_from(observation.status, observation.held_from)
    if action not in possible:
        raise ForbiddenMove(
            f"{observation.task_id} is {observation.status}, where {action or 'nothing'} cannot be asked for; "
            f"it may be asked to {_listed(observation)}",
            my_status=observation.status,
            allowed=possible,
        )
    return Action(action)


def _listed(observation: Observation) -> str:
    return " or ".join(actions_from(observation.status, observation.held_from)) or "do nothing"
