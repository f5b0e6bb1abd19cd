"""`python -m tests.clocks`: the clock of a stack jumps an hour forward and back while observations flow.

Nothing may be lost or done twice: the judge of the rehearsal decides that, and Airflow's runs are counted. The log
of `listen` must report each jump. At last the clock jumps forward once more. So it reaches the times for which the
stack waits after the jump back.
"""

import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.credentials import Credentials
from standalone.rehearsal.checker import judge
from standalone.rehearsal.evidence import Evidence
from standalone.rehearsal.run import own_settings, scene
from standalone.settings import DEFAULT_STATE, Settings
from standalone.stack import processes
from standalone.stack.stack import Stack
from tests.clocks.faked_clock import FakedClock, faked
from tests.kills.__main__ import working_runs
from tests.specifications import COORDINATES, RULES

STATE = DEFAULT_STATE / "clocks"
HOUR = 3600
#: The difference of the clock, and for how many seconds observations are submitted with it.
PHASES = ((0, 150), (HOUR, 150), (0, 120), (HOUR, 60))
SUBMIT_EVERY_SECONDS, START_SECONDS, DURATION_SECONDS = 10.0, 60, 20
#: An observation that an operator has to look at is not lost: its start has passed, or was interrupted.
ENDS = (Status.REMOVED, Status.ERROR_TOO_LATE, Status.ERROR_START_OBS)
STALL_SECONDS = 600.0
_JUMP = re.compile(r"The clock of this machine has jumped by ([+-]\d+) s")
#: The clocks of two processes move within a second, and the watch measures between two looks.
_INEXACT_SECONDS = 5


def main() -> int:
    """Move the clock, and check the result; the exit status is 1 if anything was wrong."""
    settings = own_settings(STATE)
    processes.end(settings)
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    clock = FakedClock(STATE / "clock")
    stack = Stack(settings, say=print)
    with faked(clock, RULES):
        stack.start()
    try:
        secret = Credentials.read(settings.credentials).atdb["operator"]
        with Client(settings.atdb_url, user="operator", secret=secret, patience=120) as atdb:
            submitted: list[str] = []
            for difference, seconds in PHASES:
                clock.set(difference)
                print(f"The clock differs by {difference} s, for {seconds} s.", flush=True)
                submitted += _submit(atdb, clock, seconds)
            observations = _await_end(atdb, len(submitted))
        wrong = _judge(settings, observations, submitted)
    finally:
        stack.stop()
    print("\n".join(wrong) or "Passed.")
    return int(bool(wrong))


def _submit(atdb: Client, clock: FakedClock, seconds: float) -> list[str]:
    """Submit observations that start soon, for some seconds."""
    until, task_ids = time.monotonic() + seconds, []
    while time.monotonic() < until:
        made = atdb.create_observation(
            {
                "field_name": "CLOCK",
                "observing_mode": "arts_sc1_timing",
                **COORDINATES,
                "starttime": (clock.now() + timedelta(seconds=START_SECONDS)).isoformat(),
                "duration": DURATION_SECONDS,
                "data_location": "arts001:/data/01/Timing",
            }
        )
        task_ids.append(made.taskID)
        time.sleep(SUBMIT_EVERY_SECONDS)
    return task_ids


def _await_end(atdb: Client, number: int) -> list[Observation]:
    """Wait until all observations are at an end, or none has moved for a long time."""
    before, since = None, time.monotonic()
    while time.monotonic() < since + STALL_SECONDS:
        observations = list(atdb.observations())
        statuses = [made.my_status for made in observations]
        if len(statuses) == number and all(status in ENDS for status in statuses):
            break
        if statuses != before:
            before, since = statuses, time.monotonic()
        time.sleep(2)
    return observations


def _judge(settings: Settings, observations: Sequence[Observation], submitted: Sequence[str]) -> list[str]:
    """Return a sentence for each thing that is wrong."""
    counts = Counter(made.my_status for made in observations)
    print(", ".join(f"{number} {status}" for status, number in counts.most_common()))
    for made in observations:
        if made.my_status is not Status.REMOVED:
            print(f"  {made.taskID} {made.my_status}: {made.status_history[-1].reason}")
    findings = judge(Evidence(scene(settings)), dict.fromkeys(submitted, ENDS))
    wrong = [f"{found.wrong}: {found.task_id}: {found.sentence}" for found in findings]
    runs, _ = working_runs(settings)
    wrong += [f"{task_id}: {number} runs of {stage}" for (task_id, stage), number in runs.items() if number > 1]
    for made in observations:
        entered = Counter(step.name for step in made.status_history)
        wrong += [f"{made.taskID} was {status} {number} times" for status, number in entered.items() if number > 1]
    jumps = [
        int(each) for path in settings.state.rglob("*.log") for each in _JUMP.findall(path.read_text("utf-8"))
    ]
    print(f"Jumps in the logs: {sorted(jumps)}")
    for (before, _), (after, _) in pairwise(PHASES):
        expected = after - before
        if not any(abs(jump - expected) <= _INEXACT_SECONDS for jump in jumps):
            wrong.append(f"no log reports the jump by {expected:+} s")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
