"""The actions that pages offer: who may do them, the status that follows, and the effect."""

from dataclasses import dataclass

from flask import Blueprint

from atdb_api.html import layout
from atdb_interface.actions import ACTIONS, Action, actions_from, effect_of, target_of
from atdb_interface.lifecycle import Status

#: The least roles that may do any action, and any action on many observations.
NEEDS = min(row.role for row in ACTIONS.values())
NEEDS_FOR_MANY = min(row.role_for_many for row in ACTIONS.values())


@dataclass(frozen=True)
class AvailableAction:
    """One action that is possible now. `effect`: what it does, for the operator who is about to do it."""

    action: Action
    target: Status
    effect: str

    @property
    def label(self) -> str:
        """Return its name on a button."""
        return ACTIONS[self.action].label

    @property
    def needs_reason(self) -> bool:
        """Return whether it requires a reason."""
        return ACTIONS[self.action].needs_reason

    @property
    def is_dangerous(self) -> bool:
        """Return whether it cannot be undone."""
        return ACTIONS[self.action].is_dangerous


def init_app(gui: Blueprint) -> None:
    """Register the functions for templates."""
    gui.add_app_template_global(available_actions)
    gui.add_app_template_global(target_of)
    gui.add_app_template_global(label_of)
    gui.add_app_template_global(may_act)
    gui.add_app_template_global(may_act_on_many)


def label_of(action: str) -> str:
    """Return the name of an action on a button."""
    return ACTIONS[Action(action)].label


def may_act() -> bool:
    """Return whether the visitor may do actions on an observation."""
    return layout.visitor().may(NEEDS)


def may_act_on_many() -> bool:
    """Return whether the visitor may do actions on many observations at once."""
    return layout.visitor().may(NEEDS_FOR_MANY)


def available_actions(status: Status, held_from: Status | None) -> list[AvailableAction]:
    """Return the actions that the visitor may do to an observation with this status."""
    visitor = layout.visitor()
    return [
        AvailableAction(action, target, effect_of(action, status, target))
        for action in actions_from(status, held_from)
        if visitor.may(ACTIONS[action].role) and (target := target_of(action, status, held_from)) is not None
    ]
