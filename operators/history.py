"""What an observation's history says of the work on it."""

from atdb_interface.actions import RETRIES
from atdb_interface.lifecycle import OBSERVE, Stage
from atdb_interface.observations import Observation


def was_started(observation: Observation) -> bool:
    """Return whether the telescope may have been told to start an observation."""
    return any(step.name == OBSERVE.working for step in observation.status_history)


def is_of(owner: str, observation: Observation) -> bool:
    """Return whether this run was the last of all owners to move the observation."""
    owners = (step.owner for step in reversed(observation.status_history) if step.owner)
    return next(owners, None) == owner


def has_ended_in_error(owner: str, observation: Observation, stage: Stage) -> bool:
    """Return whether this owner's work ended on an error of the stage; who cancels work is not its owner."""
    if RETRIES.get(observation.my_status) is not stage.source:
        return False
    history = observation.status_history
    begun_by = [step.owner for step in history if step.name == stage.working]
    return owner == (history[-1].owner or (begun_by[-1] if begun_by else None))


def status_in_words(observation: Observation) -> str:
    """Return which status an observation has, with the reason if its history has one."""
    reason = observation.status_history[-1].reason
    return f"{observation.taskID} is {observation.my_status}" + (f": {reason}" if reason else "")
