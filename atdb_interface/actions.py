"""What an operator can do to any observation, and where that leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from atdb_interface.lifecycle import (
    AT_THE_TELESCOPE,
    STATUSES,
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
    """All that is true of one action. `does`: what the command line says of it. `effect`: what a page says.

    In `effect`, `{target}` is the status that follows. `is_dangerous`: it cannot be undone.
    """

    does: str
    effect: str
    needs_reason: bool = False
    is_dangerous: bool = False


ACTIONS: Mapping[Action, ActionRow] = MappingProxyType({
    Action.HOLD: ActionRow(
        "put observations on hold; work on them is stopped",
        "Nothing acts on it until somebody resumes it. It is {status} again then.",
        needs_reason=True,
    ),
    Action.RESUME: ActionRow(
        "let observations on hold go on where they were",
        "It goes back to {target} and is worked on again.",
    ),
    Action.CANCEL: ActionRow(
        "cancel observations; what is under way is stopped",
        "The observation is aborted for good.",
        needs_reason=True,
        is_dangerous=True,
    ),
    Action.RETRY: ActionRow(
        "put observations that failed back to where they can be tried again",
        "It goes back to {target}, from where it is tried again.",
    ),
    Action.CHECK: ActionRow(
        "have the data of observations validated again",
        "It becomes {target} and its data are validated again; what the archive has stays there.",
    ),
    Action.INGEST: ActionRow(
        "have the data of observations ingested after all, or again",
        "It becomes {target} and its data are brought into the archive.",
    ),
})  # fmt: skip

#: What a retry of each error status goes back to.
RETRIES = MappingProxyType(
    {status: row.actions[Action.RETRY] for status, row in STATUSES.items() if Action.RETRY in row.actions}
)
#: What an operator does to all that have a status, so that they go on.
REMEDIES = MappingProxyType(
    {
        status: next(iter(row.actions))
        for status, row in STATUSES.items()
        if row.group is Group.ATTENTION and row.actions
    }
)


def target_of(action: Action, status: Status, held_from: Status | None = None) -> Status | None:
    """Return where an action leads from a status, or None where it makes no sense there.

    A cancel of an ingest or a removal ends on the stage's error status, as some of its products have gone on
    already: an operator decides about the rest.
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
    """Return what an operator can do to an observation that has this status."""
    return [action for action in Action if target_of(action, status, held_from) is not None]


def effect_of(action: Action, status: Status, target: Status) -> str:
    """Return what an action does to an observation, for the operator who is about to ask for it."""
    if action is Action.HOLD and status in WORKING:
        return f"The work on it stops. A resume puts it back to {resume_target(status)}, where work begins again."
    if action is Action.CANCEL and target is not Status.ABORTED:
        return f"The work on it stops and it becomes {target}. What has been done stays done."
    if action is Action.CANCEL and status in AT_THE_TELESCOPE:
        return "The telescope is stopped, and the observation is aborted for good."
    return ACTIONS[action].effect.format(status=status, target=target)
