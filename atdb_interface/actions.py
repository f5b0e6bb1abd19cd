"""The actions of operators on observations, and the status to which each one leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from atdb_interface.lifecycle import (
    AT_THE_TELESCOPE,
    STATUSES,
    VALIDATE,
    WORKING,
    Action,
    Group,
    Status,
    allowed_next,
    resume_target,
)

__all__ = ["ACTIONS", "REMEDIES", "RETRIES", "Action", "ActionRow", "actions_from", "effect_of", "target_of"]


@dataclass(frozen=True)
class ActionRow:
    """The properties of one action. `does`: its help on the command line. `effect`: its description on a page.

    In `effect`, `{status}` is the present status and `{target}` the next one. `is_dangerous`: it cannot be undone.
    """

    does: str
    effect: str
    needs_reason: bool = False
    is_dangerous: bool = False


ACTIONS: Mapping[Action, ActionRow] = MappingProxyType({
    Action.HOLD: ActionRow(
        "put observations on hold and stop the work on them",
        "No stage works on the observation until an operator resumes it. Then it is {status} again.",
        needs_reason=True,
    ),
    Action.RESUME: ActionRow(
        "resume observations on hold from where they were",
        "The observation returns to {target}, and work on it continues.",
    ),
    Action.CANCEL: ActionRow(
        "cancel observations and stop the work on them",
        "The observation becomes aborted. This cannot be undone.",
        needs_reason=True,
        is_dangerous=True,
    ),
    Action.RETRY: ActionRow(
        "retry observations that failed",
        "The observation returns to {target} and is processed again from there.",
    ),
    Action.CHECK: ActionRow(
        "validate the data of observations again",
        "The observation becomes {target}, and its data are validated again. Unchanged archived data stay.",
    ),
    Action.INGEST: ActionRow(
        "ingest the data of observations after all, or again",
        "The observation becomes {target}, and its data are copied into the archive.",
    ),
})  # fmt: skip

#: For each error status, the status to which a retry leads.
RETRIES = MappingProxyType(
    {status: row.actions[Action.RETRY] for status, row in STATUSES.items() if Action.RETRY in row.actions}
)
#: For each status that needs attention, the action with which an operator solves the problem.
REMEDIES = MappingProxyType(
    {
        status: next(iter(row.actions))
        for status, row in STATUSES.items()
        if row.group is Group.ATTENTION and row.actions
    }
)


def target_of(action: Action, status: Status, held_from: Status | None = None) -> Status | None:
    """Return the status to which an action leads, or None if the action is not possible from this status.

    A cancel of an ingest or a removal leads to the stage's error status, because some products have been archived
    or removed already. An operator decides about the others.
    """
    match action:
        case Action.HOLD:
            return Status.ON_HOLD if STATUSES[status].holdable else None
        case Action.RESUME:
            return held_from if status is Status.ON_HOLD else None
        case Action.CANCEL:
            if Status.ABORTED in allowed_next(status, held_from):
                return Status.ABORTED
            return WORKING[status].error if status in WORKING else None
        case _:
            return STATUSES[status].actions.get(action)


def actions_from(status: Status, held_from: Status | None = None) -> list[Action]:
    """Return the actions that are possible from a status."""
    return [action for action in Action if target_of(action, status, held_from) is not None]


def effect_of(action: Action, status: Status, target: Status) -> str:
    """Return the effect of an action in one or two sentences, for the operator who is about to request it."""
    if action is Action.HOLD and status in WORKING:
        return (
            "The work on the observation stops. When an operator resumes it, "
            f"it returns to {resume_target(status)}, and the work begins again."
        )
    if action is Action.INGEST and target is VALIDATE.source:
        return (
            f"The observation becomes {target}. All of its data are validated and copied into the archive again."
        )
    if action is Action.CANCEL and target is not Status.ABORTED:
        return f"The work on the observation stops, and it becomes {target}. Completed steps are not undone."
    if action is Action.CANCEL and status in AT_THE_TELESCOPE:
        return "The telescope is stopped, and the observation becomes aborted. This cannot be undone."
    return ACTIONS[action].effect.format(status=status, target=target)
