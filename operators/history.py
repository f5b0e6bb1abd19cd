"""What the history of an observation shows of the work on it."""

from atdb_interface.actions import RETRIES
from atdb_interface.lifecycle import Stage
from atdb_interface.observations import Observation


def is_of(owner: str, observation: Observation) -> bool:
    """Return whether this owner was the last one to move the observation."""
    owners = (step.owner for step in reversed(observation.status_history) if step.owner)
    return next(owners, None) == owner


def has_ended_in_error(owner: str, observation: Observation, stage: Stage) -> bool:
    """Return whether this owner's work ended with an error of the stage, or was cancelled by a user."""
    if RETRIES.get(observation.my_status) is not stage.source:
        return False
    history = observation.status_history
    begun_by = [step.owner for step in history if step.name == stage.working]
    return owner == (history[-1].owner or (begun_by[-1] if begun_by else None))


def status_in_words(observation: Observation) -> str:
    """Return the status of an observation as text, with the reason if there is one."""
    reason = observation.status_history[-1].reason.removesuffix(".")
    return f"{observation.taskID} has status {observation.my_status}" + (f": {reason}" if reason else "")
