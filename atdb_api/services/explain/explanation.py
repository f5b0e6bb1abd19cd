"""The explanation of why a status does not change: a sentence, and its cause for grouping."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Cause(StrEnum):
    """The kind of an explanation.

    Pages show observations with the same status and cause together, also if the texts differ.
    """

    BARRIER = "barrier"
    CLAIMED = "claimed"
    NO_SLOT = "no slot"
    NO_SERVICE = "no service"
    SERVICE_UNABLE = "service unable"
    IN_QUEUE = "in queue"
    START_LATER = "start later"
    TELESCOPE_BUSY = "telescope busy"
    NO_LEASE = "no lease"
    LEASE_EXPIRED = "lease expired"
    LAST_LEASE_EXPIRED = "last lease expired"
    WORK = "work"
    START_NOT_REPORTED = "start not reported"
    OBSERVING = "observing"
    END_NOT_REPORTED = "end not reported"
    OPERATOR = "operator"
    FINAL = "final"
    SET = "set"


@dataclass(frozen=True)
class Explanation:
    """Why a status does not change. `reason`: the words of a user or a run that the text quotes, if any."""

    cause: Cause
    text: str
    reason: str = ""

    def after(self, words: str) -> Self:
        """Return the same explanation with these words before it."""
        return replace(self, text=f"{words} {self.text}")
