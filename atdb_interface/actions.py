"""The actions on observations, and the status to which each one leads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from atdb_interface.roles import Capability
from atdb_interface.status_kinds import FAILED

__all__ = ["ACTIONS", "REMEDIES", "RETRIES", "Action", "ActionRow", "actions_from", "effect_of", "target_of"]


@dataclass(frozen=True)
class ActionRow:
    """The properties of one action. Everything in the project that depends on an action derives from these rows.

    - `label`: its name on a button. `does`: its help on the command line.
    - `effect`: its description on a page. `{status}` is the present status and `{target}` the next one.
    - `effect_by_target`: a longer description for some targets.
    - `effect_on_work`: the description if the action stops work, and the observation is not aborted. `{back}` is
      the status after a resume. `effect_at_telescope`: the description for an observation at the telescope.
    - `needs_reason`: the pages require a reason. `is_dangerous`: the action cannot be undone.
    - `needs`: the capability to do it. With *specify*, it is limited to an account's own observations before their
      start. `needs_for_many`: the capability to do it to many observations at once.
    """

    label: str
    does: str
    effect: str
    effect_by_target: Mapping[Status, str] = field(default_factory=dict)
    effect_on_work: str | None = None
    effect_at_telescope: str | None = None
    needs_reason: bool = False
    is_dangerous: bool = False
    needs: Capability = Capability.OPERATE
    needs_for_many: Capability = Capability.OPERATE


ACTIONS: Mapping[Action, ActionRow] = MappingProxyType({
    Action.HOLD: ActionRow(
        "Hold",
        "put observations on hold and stop the work on them",
        "No stage works on the observation until an operator resumes it. Then it is {status} again.",
        effect_on_work="The work on the observation stops. When an operator resumes it, it returns to {back}, and "
        "the work begins again.",
        needs_reason=True,
    ),
    Action.RESUME: ActionRow(
        "Resume",
        "resume observations on hold from where they were",
        "The observation returns to {target}, and work on it continues.",
    ),
    Action.CANCEL: ActionRow(
        "Cancel",
        "cancel observations and stop the work on them",
        "The observation becomes aborted. This cannot be undone.",
        effect_on_work="The work on the observation stops, and it becomes {target}. "
        "Completed steps are not undone.",
        effect_at_telescope="The telescope is stopped, and the observation becomes aborted. "
        "This cannot be undone.",
        needs_reason=True,
        is_dangerous=True,
        needs=Capability.SPECIFY | Capability.OPERATE,
    ),
    Action.RETRY: ActionRow(
        "Retry",
        "retry observations that failed",
        "The observation returns to {target} and is processed again from there.",
    ),
    Action.CHECK: ActionRow(
        "Check",
        "validate the data of observations again",
        "The observation becomes {target}, and its data are validated again. Unchanged archived data stay.",
    ),
    Action.INGEST: ActionRow(
        "Ingest",
        "ingest the data of observations after all, or again",
        "The observation becomes {target}, and its data are copied into the archive.",
        effect_by_target={
            VALIDATE.source: "The observation becomes {target}. All of its data are validated and copied into the "
            "archive again."
        },
    ),
})  # fmt: skip

#: For each error status, the status to which a retry leads.
RETRIES = MappingProxyType({status: STATUSES[status].actions[Action.RETRY] for status in FAILED})
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
    row = ACTIONS[action]
    effect = row.effect_by_target.get(target, row.effect)
    if row.effect_at_telescope and status in AT_THE_TELESCOPE:
        effect = row.effect_at_telescope
    elif row.effect_on_work and status in WORKING and target is not Status.ABORTED:
        effect = row.effect_on_work
    return effect.format(status=status, target=target, back=resume_target(status))
