"""`python -m tests.benchmarks.urgent --minutes 10`: whether the work of tonight waits for other work.

Each part checks a promise, and the exit status is 1 if one of them is not kept:

- With 289 specifications submitted at once, nothing of tonight waits more than 30 s longer than without them. The
  same observations are processed twice, without and with the specifications.
- With all slots of validate, ingest and remove busy, observations start in time, and a cancel reaches the
  telescope within 10 s. The simulator's journal says when.
"""

import argparse
import shutil
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from standalone.rehearsal.archive_plan import ArchiveFaults
from standalone.rehearsal.run import faulty_archive, own_settings
from standalone.settings import DEFAULT_STATE, REPOSITORY
from standalone.simulator.journal import Journal
from standalone.stack.pools import SLOTS
from tests.benchmarks.busy_slots import BusySlots
from tests.benchmarks.listen import AT_ONCE, Version, await_status, submit, submit_at_once

#: The limits, in seconds.
LONGEST_DIFFERENCE, LONGEST_CANCEL, LONGEST_LATENESS = 30.0, 10.0, 10.0
#: The observations of tonight beside the specifications: one every few seconds, soon before its start.
TONIGHT, TONIGHT_EVERY_SECONDS, TONIGHT_START_SECONDS = 24, 6.0, 25.0
#: The specifications are submitted after this many of them.
SPECIFIED_AFTER = 3
#: The observations that start while the slots are busy, each submitted this long before its start.
STARTS, SUBMITTED_SECONDS, DURATION_SECONDS = 20, 45.0, 30
#: Every second observation is cancelled: before its start and after it, in turns.
CANCELLED_BEFORE_SECONDS, CANCELLED_AFTER_SECONDS = 8.0, 5.0
SETTLE_SECONDS, _LAST_SECONDS = 20.0, 20.0

_RUNNING = """
    select extract(epoch from running.at - observations.start_time)
    from transitions running join observations using (task_id)
    where running.status = 'running' and running.dataproduct is null and task_id = any(%s)"""


def tonight(version: Version, name: str, specify: Callable[[], None] | None = None) -> dict[str, list[float]]:
    """Process the observations of tonight, and return how long each waited for each stage."""
    others = threading.Thread(target=specify, daemon=True) if specify else None
    began = time.monotonic()
    with version.client() as atdb:
        for number in range(TONIGHT):
            time.sleep(max(0.0, began + number * TONIGHT_EVERY_SECONDS - time.monotonic()))
            if number == SPECIFIED_AFTER and others:
                others.start()
            submit(atdb, f"{name}_{number}", TONIGHT_START_SECONDS)
        await_status(version, Status.REMOVED, TONIGHT, field_name__startswith=name)
    if others:
        others.join()
    return version.waits(f"{name}%")


def _beside_specifications(version: Version) -> list[str]:
    """Compare the waits of tonight without and with many specifications; return what is wrong."""

    def specify() -> None:
        with version.client() as atdb:
            submit_at_once(atdb)

    without = tonight(version, "ALONE")
    with_them = tonight(version, "BESIDE", specify)
    await_status(version, Status.SCHEDULED, AT_ONCE, field_name__startswith="ATONCE")
    print(f"\n{AT_ONCE} specifications at once: all were scheduled after {version.at_once_seconds():.0f} s.")
    print(f"{TONIGHT} observations of tonight, one every {TONIGHT_EVERY_SECONDS:.0f} s, without and with them:")
    print_waits(without, with_them)
    differences = {stage: max(with_them[stage]) - max(without[stage]) for stage in without}
    return [
        f"{stage}: the longest wait was {seconds:.1f} s longer with the specifications."
        for stage, seconds in differences.items()
        if seconds > LONGEST_DIFFERENCE
    ]


def print_waits(without: Mapping[str, Sequence[float]], with_them: Mapping[str, Sequence[float]]) -> None:
    print(f"{'status set -> lease held, s':<28}{'without':>18}{'with':>18}{'difference':>18}   (median / longest)")
    for stage in without:
        figures = [(statistics.median(each), max(each)) for each in (without[stage], with_them[stage])]
        (median, longest), (median_with, longest_with) = figures
        figures.append((median_with - median, longest_with - longest))
        print(f"{stage:<28}{''.join(f'{middle:>9.2f} /{most:>7.2f}' for middle, most in figures)}", flush=True)


@dataclass
class Start:
    """An observation that starts while the slots are busy. `cancel_at`: when it is cancelled, if it is."""

    number: int
    start: datetime
    cancel_at: datetime | None = None
    task_id: str = ""
    cancelled: datetime | None = None

    def steps(self) -> list["Step"]:
        """Return what is done with it, and when."""
        steps = [Step(self.start - timedelta(seconds=SUBMITTED_SECONDS), self._submit)]
        return [*steps, Step(self.cancel_at, self._cancel)] if self.cancel_at else steps

    def _submit(self, atdb: Client) -> None:
        fields = {"starttime": self.start.isoformat(), "duration": DURATION_SECONDS}
        self.task_id = submit(atdb, f"START_{self.number}", 0, **fields)

    def _cancel(self, atdb: Client) -> None:
        self.cancelled = datetime.now(UTC)
        atdb.act(self.task_id, Action.CANCEL, reason="the measurement")


@dataclass(order=True)
class Step:
    """A step of the measurement."""

    at: datetime
    do: Callable[[Client], None] = field(compare=False)


def _planned(minutes: float) -> list[Start]:
    """Return the observations whose starts are spread over the minutes from now."""
    first = datetime.now(UTC) + timedelta(seconds=SUBMITTED_SECONDS)
    between = (timedelta(minutes=minutes) - timedelta(seconds=SUBMITTED_SECONDS + _LAST_SECONDS)) / (STARTS - 1)
    planned = [Start(number, first + number * between) for number in range(STARTS)]
    for number, each in enumerate(planned[::2]):
        later = -CANCELLED_BEFORE_SECONDS if number % 2 else CANCELLED_AFTER_SECONDS
        each.cancel_at = each.start + timedelta(seconds=later)
    return planned


def _with_busy_slots(version: Version, faults: ArchiveFaults, minutes: float) -> list[str]:
    """Start and cancel observations while all slots of three stages are busy; return what is wrong."""
    with version.client() as atdb, version.client() as watching:
        busy = BusySlots(version.settings, watching, faults)
        busy.occupy(minutes)
        planned = _planned(minutes)
        for step in sorted(step for each in planned for step in each.steps()):
            time.sleep(max(0.0, (step.at - datetime.now(UTC)).total_seconds()))
            step.do(atdb)
        time.sleep((planned[-1].start - datetime.now(UTC)).total_seconds() + _LAST_SECONDS)
        busy.stop_watching()
    wrong = [
        f"{stage}: only {number} of {SLOTS[stage]} slots were busy at some time, so this measurement is not valid."
        for stage, number in busy.fewest.items()
        if number < SLOTS[stage]
    ]
    journal = list(Journal(version.settings.telescope_state / "journal.jsonl").events())
    slots = ", ".join(f"{stage} {number}" for stage, number in busy.fewest.items())
    print(f"\n{STARTS} starts in {minutes:g} minutes, in which all slots were busy ({slots}):")
    return wrong + _judge_starts(version, planned, journal) + _judge_cancels(planned, journal)


def _judge_starts(version: Version, planned: Sequence[Start], journal: Sequence[Mapping[str, str]]) -> list[str]:
    accepted = moments(journal, "accepted")
    wrong = [
        f"{each.task_id}: the telescope has not received it." for each in planned if each.task_id not in accepted
    ]
    before = [
        (each.start - accepted[each.task_id]).total_seconds() for each in planned if each.task_id in accepted
    ]
    # A cancelled observation may never have been running.
    left = [each.task_id for each in planned if each.cancel_at is None]
    running = version.seconds(_RUNNING, left)
    print(
        f"  parset at the telescope before the start, s: median {statistics.median(before):.1f}, "
        f"shortest {min(before):.1f}"
    )
    print(f"  running after the start, s: median {statistics.median(running):.2f}, longest {max(running):.2f}")
    if min(before) < 0 or max(running) > LONGEST_LATENESS:
        wrong.append("An observation did not start in time.")
    if len(running) < len(left):
        wrong.append(f"{len(left) - len(running)} observations that were not cancelled were never running.")
    return wrong


def _judge_cancels(planned: Sequence[Start], journal: Sequence[Mapping[str, str]]) -> list[str]:
    stopped = moments(journal, "stopped")
    cancelled = {each.task_id: each.cancelled for each in planned if each.cancelled}
    seconds = [(stopped[task_id] - at).total_seconds() for task_id, at in cancelled.items() if task_id in stopped]
    print(
        f"  cancel until the telescope has stopped, s: median {statistics.median(seconds):.2f}, "
        f"longest {max(seconds):.2f} ({len(seconds)} of {len(cancelled)})",
        flush=True,
    )
    if len(seconds) < len(cancelled) or max(seconds) > LONGEST_CANCEL:
        return ["A cancel did not reach the telescope in time."]
    return []


def moments(journal: Sequence[Mapping[str, str]], event: str) -> dict[str, datetime]:
    """Return when each observation had an event in the simulator's journal."""
    return {each["taskID"]: datetime.fromisoformat(each["at"]) for each in journal if each["event"] == event}


def main() -> int:
    """Measure both parts on a new stack, and return 1 if a limit was exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.urgent", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long all slots are busy; 2 or more")
    parser.add_argument("--only", choices=["slots", "specifications"], help="measure only this part")
    chosen = parser.parse_args()
    state = DEFAULT_STATE / "bench-urgent"
    shutil.rmtree(state, ignore_errors=True)
    settings = replace(own_settings(state), telescope_speedup=1.0)
    version, plan = Version("now", REPOSITORY, settings), state / "archive-faults.json"
    with faulty_archive(settings, plan):
        version.start()
    try:
        time.sleep(SETTLE_SECONDS)
        wrong = []
        if chosen.only != "slots":
            wrong += _beside_specifications(version)
        if chosen.only != "specifications":
            wrong += _with_busy_slots(version, ArchiveFaults(plan), chosen.minutes)
    finally:
        version.stop()
    print(*wrong, "Failed." if wrong else "Passed.", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing keeps running
    raise SystemExit(main())
