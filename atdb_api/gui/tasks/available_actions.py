"""The actions as pages offer them: to whom, where each leads, and what it does, said before it is done."""

from dataclasses import dataclass

from flask import Blueprint

from atdb_api.html import layout
from atdb_api.roles import Role
from atdb_interface.actions import ACTIONS, Action, actions_from, effect_of, target_of
from atdb_interface.lifecycle import Status

#: As for the same by the API.
NEEDS, NEEDS_FOR_MANY = Role.SERVICE, Role.OPERATOR


@dataclass(frozen=True)
class AvailableAction:
    """One action that makes sense now. `effect`: what it does, for who is about to ask for it."""

    action: Action
    target: Status
    effect: str

    @property
    def label(self) -> str:
        """Write its name."""
        return self.action.capitalize()

    @property
    def needs_reason(self) -> bool:
        """Tell whether whoever asks for it must say why."""
        return ACTIONS[self.action].needs_reason

    @property
    def is_dangerous(self) -> bool:
        """Return whether it cannot be undone."""
        return ACTIONS[self.action].is_dangerous


def init_app(gui: Blueprint) -> None:
    """Let templates ask what can be done."""
    gui.add_app_template_global(available_actions)
    gui.add_app_template_global(target_of)
    gui.add_app_template_global(may_act)
    gui.add_app_template_global(may_act_on_many)


def may_act() -> bool:
    """Tell whether who looks at this page may do anything to a task."""
    return layout.visitor().may(NEEDS)


def may_act_on_many() -> bool:
    """Tell whether who looks at this page may do something to many tasks at once."""
    return layout.visitor().may(NEEDS_FOR_MANY)


def available_actions(status: Status, held_from: Status | None) -> list[AvailableAction]:
    """Give what can be done to a task that has this status."""
    return [
        AvailableAction(action, target, effect_of(action, status, target))
        for action in actions_from(status, held_from)
        if (target := target_of(action, status, held_from)) is not None
    ]
