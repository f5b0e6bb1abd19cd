"""Report to ATDB how an observation has ended, as the telescope's data writer does."""

import logging
import time
from collections.abc import Callable
from enum import Enum, auto

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, ForbiddenMove
from atdb_interface.lifecycle import OBSERVED, Status

PATIENCE_SECONDS = 15 * 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0

log = logging.getLogger(__name__)


class Outcome(Enum):
    """The result of a report. KNOWN: the status was past `running` already, by ATDB's timeout or an operator."""

    TAKEN = auto()
    KNOWN = auto()
    ABORTED = auto()
    GIVEN_UP = auto()


def report(
    client: Client, task_id: str, status: Status, *, reason: str, pause: Callable[[float], None]
) -> tuple[Outcome, str]:
    """Move an observation to its final status; return the outcome, and a sentence if the outcome is not TAKEN.

    After any refusal or failure, this retries for 15 minutes: the observation may still be `starting`, or ATDB may
    be down. Errors that `pause` raises are propagated.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    seconds, problem = _FIRST_PAUSE_SECONDS, ""
    while True:
        try:
            client.move(task_id, status, expect=[Status.RUNNING], reason=reason)
        except AtdbError as error:
            present = error.extra.get("my_status") if isinstance(error, ForbiddenMove) else None
            if present == Status.ABORTED:
                return Outcome.ABORTED, "the observation was aborted in ATDB"
            if present is not None and present in OBSERVED:
                return Outcome.KNOWN, f"the observation was {present} already in ATDB"
            if str(error) != problem:
                problem = str(error)
                log.info("%s: cannot report yet: %s", task_id, problem)
        else:
            return Outcome.TAKEN, ""
        if time.monotonic() + seconds > deadline:
            return Outcome.GIVEN_UP, f"not reported: {problem}"
        pause(seconds)
        seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
