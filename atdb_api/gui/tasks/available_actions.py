"""The actions that pages offer: who may do them, the status that follows, and the effect."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

from flask import Blueprint

from atdb_api.html import layout
from atdb_api.reads.task_row import TaskRow
from atdb_api.services import rights
from atdb_interface.actions import ACTIONS, Action, actions_from, effect_of, target_of
from atdb_interface.lifecycle import Status

#: The capabilities, of which one is enough, for some action, and for some action on many observations.
NEEDS = reduce(or_, (row.needs for row in ACTIONS.values()))
NEEDS_FOR_MANY = reduce(or_, (row.needs_for_many for row in ACTIONS.values()))


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


def available_actions(task: TaskRow) -> list[AvailableAction]:
    """Return the actions that the visitor may do to an observation now."""
    visitor = layout.visitor()
    return [
        AvailableAction(action, target, effect_of(action, task.status, target))
        for action in actions_from(task.status, task.held_from)
        if rights.action_refusal(visitor, task, action) is None
        if (target := target_of(action, task.status, task.held_from)) is not None
    ]
