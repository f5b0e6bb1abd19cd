"""A continuous flow of observations, and the checks of each of them."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import OBSERVE, SPECIFY, STAGES, Stage, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from tests.specifications import COORDINATES

#: The time until the start, enough for several consecutive kills and restarts.
START_SECONDS = 180
DURATION_SECONDS = 2
#: The time between submissions.
PAUSE_SECONDS = 20.0
NORMAL_ROUTE = (
    *("defined", "scheduled", "starting", "running", "completing", "checking", "valid", "ingesting", "archived"),
    *("removing", "removed"),
)
#: A kill between the status and the telescope's answer: the telescope is not asked twice, so an operator decides.
INTERRUPTED_ROUTE = (*NORMAL_ROUTE[:3], "error (start obs)")


@dataclass(frozen=True)
class Away:
    """The times at which a process was killed, and was back."""

    process: str
    killed: datetime
    back: datetime


@dataclass(frozen=True)
class Wait:
    """The seconds that a stage of an observation waited while all processes were running."""

    task_id: str
    stage: str
    seconds: float


class Flow:
    """Submit some observations together, repeatedly, until stopped."""

    def __init__(self, atdb: Client, *, together: int = 2, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._atdb, self._together, self._pause = atdb, together, pause_seconds
        self._end = threading.Event()
        self._names = count()
        self.task_ids: list[str] = []
        self._thread = threading.Thread(target=self._submit_all, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _submit_all(self) -> None:
        while not self._end.is_set():
            start = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
            for _ in range(self._together):
                try:
                    made = self._atdb.create_observation(_specification(next(self._names), start))
                except AtdbError:
                    continue
                self.task_ids.append(made.taskID)
            self._end.wait(self._pause)


def _specification(number: int, start: datetime) -> dict[str, object]:
    return {
        "field_name": f"KILL_{number}",
        "observing_mode": "arts_sc1_timing",
        **COORDINATES,
        "starttime": start.isoformat(),
        "duration": DURATION_SECONDS,
        "data_location": "arts001:/data/01/Timing",
    }


def wrong(observations: Sequence[Observation], runs: Counter[tuple[str, str]]) -> list[str]:
    """Return a sentence per deviation from the normal route. `runs`: those that worked, by taskID and stage."""
    sentences = []
    for made in observations:
        route = [str(step.name) for step in made.status_history]
        if tuple(route) != NORMAL_ROUTE and not is_interrupted(made):
            sentences.append(f"{made.taskID} went {' > '.join(route)}: {made.status_history[-1].reason}")
        for stage in STAGES:
            if (number := runs[made.taskID, stage.actor]) > 1:
                sentences.append(f"{made.taskID}: {number} runs of {stage.actor}")
    return sentences


def is_interrupted(made: Observation) -> bool:
    """Return whether an observation is waiting for an operator because a kill interrupted its start."""
    route = tuple(str(step.name) for step in made.status_history)
    return route == INTERRUPTED_ROUTE and has_code(made.status_history[-1].reason, ReasonCode.START_INTERRUPTED)


def waits(observations: Sequence[Observation], aways: Sequence[Away]) -> list[Wait]:
    """Return how long each stage of each observation waited, without the time in which a process was down."""
    return [
        Wait(made.taskID, stage.actor, seconds)
        for made in observations
        for stage in STAGES
        if (seconds := _waited(made, stage, aways)) is not None
    ]


def _waited(made: Observation, stage: Stage, aways: Sequence[Away]) -> float | None:
    entered = {str(step.name): step.timestamp for step in reversed(made.status_history)}
    begins = Status.SCHEDULED if stage is SPECIFY else stage.working
    if begins is None or stage.source not in entered or begins not in entered:
        return None
    since, until = entered[stage.source], entered[begins]
    if (
        stage is OBSERVE
    ):  # it waits for its turn: another observation may have the telescope until a minute before its start
        since = max(since, made.starttime - timedelta(minutes=1))
    for away in aways:
        if away.killed < until and away.back > since:
            since = min(max(since, away.back), until)
    return (until - since).total_seconds()
