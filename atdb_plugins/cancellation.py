"""The question whether a user has cancelled an observation that the telescope may have."""

from collections.abc import Collection

from atdb_interface.lifecycle import AT_THE_TELESCOPE, BEFORE_START, OBSERVE, Group, Phase, Status, statuses
from atdb_interface.observations import Observation

#: Errors before the telescope began to observe, as far as ATDB knows.
NOT_STARTED = statuses(lambda row: row.group is Group.ATTENTION and row.phase is Phase.BEFORE)
#: An operator who forces one of these from starting or running cancels the observation. Not the error of observe:
#: after that, the telescope may still have the observation.
CANCELLED = (*(status for status in BEFORE_START if status is not OBSERVE.error), Status.ON_HOLD)


def was_started(observation: Observation) -> bool:
    """Return whether ATDB may have sent an observation to the telescope."""
    return any(step.name == OBSERVE.working for step in observation.status_history)


def is_cancelled_at_telescope(observation: Observation, by: Collection[Status] = CANCELLED) -> bool:
    """Return whether an observation was cancelled and the telescope may have it.

    `by`: the statuses that cancel it if it was starting or running before.
    """
    if observation.my_status is Status.ABORTED:
        return was_started(observation)
    return observation.my_status in by and observation.status_history[-1].previous in AT_THE_TELESCOPE
