"""What a person may ask for any observation, and where that leads."""

from enum import StrEnum
from types import MappingProxyType

from atdb_interface.lifecycle import HOLDABLE, WORKING, Status, allowed_next

S = Status


class Action(StrEnum):
    """What a person may ask for any observation; where that leads is told by `target_of`."""

    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    CHECK = "check"
    INGEST = "ingest"


#: What a retry of each error status goes back to.
RETRIES = MappingProxyType(
    {
        S.ERROR_TOO_LATE: S.SCHEDULED,
        S.ERROR_START_OBS: S.SCHEDULED,
        S.ERROR_NO_COMPLETING: S.RUNNING,
        S.INCOMPLETE: S.COMPLETING,
        S.INGEST_ERROR: S.VALID,
        S.REMOVE_ERROR: S.ARCHIVED,
    }
)
_LEADS = MappingProxyType(
    {
        Action.RETRY: RETRIES,
        # The data may have changed since they were validated. Of what is incomplete, a retry is just that.
        Action.CHECK: {S.INGEST_ERROR: S.COMPLETING},
        # After all, or again.
        Action.INGEST: dict.fromkeys(
            (S.COMPLETED, S.INCOMPLETE, S.INGEST_ERROR, S.ARCHIVED, S.REMOVE_ERROR), S.VALID
        ),
    }
)


def target_of(action: Action, status: Status, held_from: Status | None = None) -> Status | None:
    """Tell where an action leads from a status, or None where it makes no sense there.

    A cancel of an ingest or a removal ends on the stage's error status, as some of its products have gone on
    already: a person decides about the rest.
    """
    match action:
        case Action.HOLD:
            return S.ON_HOLD if status in HOLDABLE else None
        case Action.RESUME:
            return held_from if status is S.ON_HOLD else None
        case Action.CANCEL:
            if status in (S.INGESTING, S.REMOVING):
                return WORKING[status].error
            return S.ABORTED if S.ABORTED in allowed_next(status, held_from) else None
        case _:
            return _LEADS[action].get(status)


def actions_from(status: Status, held_from: Status | None = None) -> list[Action]:
    """List what a person may ask for an observation that has this status."""
    return [action for action in Action if target_of(action, status, held_from) is not None]
