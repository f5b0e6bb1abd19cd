"""The actions as pages offer them: to whom, where each leads, and what it does, said before it is done."""

from dataclasses import dataclass

from flask import Blueprint
from sqlalchemy.orm import Session

from atdb_api.gui.formats import machine, moment
from atdb_api.html import layout
from atdb_api.models import Observation
from atdb_api.roles import Role
from atdb_api.services import history
from atdb_interface.actions import ACTIONS, Action, actions_from, effect_of, target_of
from atdb_interface.errors import BadRequest, ForbiddenMove, PreconditionFailed
from atdb_interface.lifecycle import Status

#: As for the same by the API.
NEEDS, NEEDS_FOR_MANY = Role.SERVICE, Role.OPERATOR


@dataclass(frozen=True)
class Deed:
    """One action that makes sense now. `says`: what it does, for who is about to ask for it."""

    action: Action
    target: Status
    says: str

    @property
    def label(self) -> str:
        """Write its name."""
        return self.action.capitalize()

    @property
    def needs_reason(self) -> bool:
        """Tell whether whoever asks for it must say why."""
        return ACTIONS[self.action].needs_reason


def init_app(gui: Blueprint) -> None:
    """Let templates ask what can be done."""
    gui.add_app_template_global(deeds, "deeds_of")
    gui.add_app_template_global(target_of)
    gui.add_app_template_global(may_act)
    gui.add_app_template_global(may_act_on_many)


def may_act() -> bool:
    """Tell whether who looks at this page may do anything to a task."""
    return layout.visitor().may(NEEDS)


def may_act_on_many() -> bool:
    """Tell whether who looks at this page may do something to many tasks at once."""
    return layout.visitor().may(NEEDS_FOR_MANY)


def deeds(status: Status, held_from: Status | None) -> list[Deed]:
    """Give what can be done to a task that has this status."""
    return [
        Deed(action, target, effect_of(action, status, target))
        for action in actions_from(status, held_from)
        if (target := target_of(action, status, held_from)) is not None
    ]


def require_as_seen(session: Session, observation: Observation, seen: str) -> None:
    """Raise PreconditionFailed where a task is no longer as it was when the form was shown. It must be locked.

    `seen`: since when it had its status then. So of two people who act at once, the second is told of the first.
    """
    if not seen or seen == machine(observation.status_since):
        return
    last = history.latest(session, observation.task_id)
    raise PreconditionFailed(
        f"{observation.task_id} has changed since you looked: {last.actor} moved it from {last.previous} to "
        f"{last.status} at {moment(last.at)} UTC" + (f" ({last.reason})" if last.reason else "") + ". "
        f"Nothing was done for you; it may now be asked to {_listed(observation)}",
        my_status=observation.status,
        allowed=actions_from(observation.status, observation.held_from),
    )


def require_deed(observation: Observation, action: str) -> Action:
    """Read which action is asked for. Raises ForbiddenMove where it makes no sense now."""
    possible = actions_from(observation.status, observation.held_from)
    if action not in possible:
        raise ForbiddenMove(
            f"{observation.task_id} is {observation.status}, where {action or 'nothing'} cannot be asked for; "
            f"it may be asked to {_listed(observation)}",
            my_status=observation.status,
            allowed=possible,
        )
    return Action(action)


def require_reason(action: Action, reason: str) -> None:
    """Raise BadRequest where an action needs a reason and has none."""
    if ACTIONS[action].needs_reason and not reason:
        raise BadRequest(f"reason: say why you ask to {action} it")


def _listed(observation: Observation) -> str:
    return " or ".join(actions_from(observation.status, observation.held_from)) or "do nothing"
