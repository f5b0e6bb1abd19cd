"""What each status means for the work of the stages. Everything here derives from the tables of the lifecycle."""

from enum import StrEnum
from types import MappingProxyType

from atdb_interface.lifecycle import (
    AT_THE_TELESCOPE,
    STAGES,
    STATUSES,
    STEPS,
    WORKING,
    Action,
    Actor,
    Group,
    Phase,
    Stage,
    Status,
    statuses,
)


class StatusKind(StrEnum):
    """The meaning of a status for the work. The views for reports contain these words."""

    WAITING = "waiting"
    WORKING = "working"
    OBSERVING = "observing"
    FAILED = "failed"
    HELD = "held"
    FINAL = "final"


#: The stage that takes, or works on, observations with a status.
STAGE_OF = MappingProxyType(
    {status: stage for stage in STAGES for status in (stage.working, stage.source) if status is not None}
)
#: The stage that begins with each move.
BEGINS = MappingProxyType(
    {
        (step.source, step.target): stage
        for stage in STAGES
        for step in STEPS
        if (step.source, step.actor) == (stage.source, stage.actor) and stage.working in (step.target, None)
    }
)
#: A stage has failed, and can be retried.
FAILED = statuses(lambda row: row.group is Group.ATTENTION and Action.RETRY in row.actions)
#: The steps of the stages, with the ways back from their errors: all others are decisions of operators.
OF_STAGES = frozenset(
    (step.source, step.target) for step in STEPS if step.actor is not Actor.OPERATOR
) | frozenset((status, STATUSES[status].actions[Action.RETRY]) for status in FAILED)
#: The steps that the telescope reports. A stage owns those from `starting`.
REPORTED = frozenset(
    (status, target) for status in AT_THE_TELESCOPE if status not in WORKING for target in STATUSES[status].steps
)
#: With these an operator stops work, whichever owner it has.
STOPS = statuses(lambda row: row.phase is None)
_NOT_FINAL = frozenset(step.source for step in STEPS) | {Status.ON_HOLD}


def kind_of(status: Status) -> StatusKind:
    """Return what a status means for the work."""
    if status is Status.ON_HOLD:
        return StatusKind.HELD
    if status not in _NOT_FINAL:
        return StatusKind.FINAL
    if status in WORKING:
        return StatusKind.WORKING
    if status in FAILED:
        return StatusKind.FAILED
    return StatusKind.OBSERVING if STATUSES[status].phase is Phase.AT_THE_TELESCOPE else StatusKind.WAITING


def stage_of(status: Status) -> Stage | None:
    """Return the stage that takes a status, works in it, follows it at the telescope, or has failed with it."""
    if status in STAGE_OF:
        return STAGE_OF[status]
    match kind_of(status):
        case StatusKind.FAILED:
            actors = {step.actor for step in STEPS if step.target is status}
        case StatusKind.OBSERVING:
            actors = {step.actor for step in STEPS if step.source is status}
        case _:
            return None
    return next((stage for stage in STAGES if stage.actor in actors), None)
