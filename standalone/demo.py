"""The demo: a schedule goes automatically from its specification to the removal of its data."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, BadRequest, Conflict, Unavailable
from atdb_interface.lifecycle import SPECIFY, STAGES, Actor, Group, Status, statuses
from atdb_interface.observations import NewObservation, Observation
from atdb_interface.quantities import count_of
from atdb_interface.reasons import without_code
from atdb_interface.status_kinds import StatusKind, kind_of, stage_of
from standalone import replay
from standalone.credentials import Credentials
from standalone.settings import Settings
from standalone.stack.stack import Stack

EXAMPLE = Path(__file__).parent / "example_schedule.sh"
#: The shortest time from the end of the specification to the first start.
LEAD = timedelta(seconds=15)
#: The demo ends if no status changes for this long and nothing is to be observed.
PATIENCE = timedelta(minutes=4)
#: The schedule is specified for a time that is later than its replay, even if the machine needs this long for each
#: observation. Then it begins when all observations are scheduled.
FIRST_TIMES, FIRST_TIMES_EACH = timedelta(hours=1), timedelta(seconds=40)
#: At the telescope, an observation needs this many times the work of its specification.
WORK_AT_THE_TELESCOPE = 3
#: In these statuses, an observation stays until an operator acts.
ENDED = statuses(lambda row: row.group is Group.ATTENTION or not (row.steps or row.actions))
#: The stage that an observation is in, by its status.
_STAGE_OF = {
    status: stage.actor
    for status in Status
    if (stage := stage_of(status)) is not None and kind_of(status) is not StatusKind.FAILED
}


def demo(settings: Settings, schedule_file: Path, speedup: float | None) -> int:
    """Replay a schedule on the stack, and return the exit status.

    If the stack is not running, the demo starts it, and stops it at the end.
    """
    schedule = read_schedule(schedule_file)
    if speedup is not None and not 0 < speedup < float("inf"):
        raise BadRequest(f"SPEEDUP must be a number above 0, not {speedup:g}")
    stack = Stack(settings, say=print)
    ours = not stack.is_running()
    if ours:
        print(f"Starting ATDB in {settings.state} ...", flush=True)
        stack.start()
    try:
        print(f"ATDB: {settings.atdb_url}   Airflow: {settings.airflow_url}   Passwords: {settings.credentials}")
        secret = Credentials.prepare(settings.credentials).atdb["astronomer"]
        with Client(settings.atdb_url, user="astronomer", secret=secret) as client:
            submitted = _submit(client, schedule, speedup)
            last_end = max(observation.endtime for observation in submitted)
            observations = _follow(client, submitted, lambda observation: observation.my_status in ENDED, last_end)
            print(table(observations, _bytes(client, observations)))
    finally:
        if ours:
            stack.stop()
    return _verdict(observations)


def _submit(client: Client, schedule: Sequence[NewObservation], speedup: float | None) -> list[Observation]:
    """Specify a schedule, and begin to replay it when all observations are scheduled.

    Without a speedup, the schedule becomes as long as this machine needs to start each observation in time.
    """
    began = datetime.now(UTC)
    print(f"Specifying {count_of(len(schedule), 'observation')} ...", flush=True)
    first_times = began + FIRST_TIMES + len(schedule) * FIRST_TIMES_EACH
    first_speedup = replay.default_speedup(schedule) if speedup is None else speedup
    with _no_overlap():
        submitted = [
            client.create_observation(new) for new in replay.shifted(schedule, first_times, first_speedup)
        ]
    specified = _follow(client, submitted, lambda each: each.my_status is not SPECIFY.source, began)
    if late := [each.taskID for each in specified if each.my_status is SPECIFY.source]:
        raise AtdbError(
            f"{count_of(len(late), 'observation')} not specified, such as {late[0]}: see `atdb why {late[0]}`"
        )
    work = (datetime.now(UTC) - began) * WORK_AT_THE_TELESCOPE
    if speedup is None:
        speedup = replay.default_speedup(schedule, max(replay.DEFAULT_SPAN_SECONDS, work.total_seconds()))
    lead = max(LEAD, work / len(schedule))
    print(f"Replaying them at speed {speedup:.0f}; the first starts in {lead.total_seconds():.0f} s.", flush=True)
    replayed = replay.shifted(schedule, datetime.now(UTC) + lead, speedup)
    with _no_overlap():
        return [
            client.change_observation(before.id, starttime=new.starttime, endtime=new.endtime)
            for before, new in zip(submitted, replayed, strict=True)
        ]


@contextmanager
def _no_overlap() -> Iterator[None]:
    """Explain a refusal because of other observations."""
    try:
        yield
    except Conflict as error:
        raise Conflict(f"{error} If it is in the same schedule, use a smaller SPEEDUP.") from None


def _follow(
    client: Client,
    submitted: Sequence[Observation],
    is_complete: Callable[[Observation], bool],
    patient_until: datetime,
) -> list[Observation]:
    """Show the statuses until all observations are complete, or nothing changes any more after a time."""
    progress = _Progress()
    observations, counts, changed = list(submitted), "", time.monotonic()
    while datetime.now(UTC) < patient_until or time.monotonic() - changed < PATIENCE.total_seconds():
        try:
            observations = [
                observation
                for task_ids in _batches(submitted)
                for observation in client.observations(taskID__in=task_ids)
            ]
        except Unavailable as error:
            progress.show(f"{error}")
            continue
        if counts != (counts := _counts(observations)):
            changed = time.monotonic()
        progress.show(counts)
        if all(map(is_complete, observations)):
            break
        time.sleep(1)
    progress.end()
    return observations


class _Progress:
    """On a terminal, one line that changes; otherwise, a new line for each change."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = ""

    def show(self, text: str) -> None:
        stamp = f"{time.monotonic() - self._began:4.0f} s  "
        if sys.stdout.isatty():
            line = f"{stamp}{text}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\033[K{line}", end="", flush=True)
        elif text != self._shown:
            print(f"{stamp}{text}", flush=True)
        self._shown = text

    def end(self) -> None:
        if sys.stdout.isatty():
            print()


def _counts(observations: Sequence[Observation]) -> str:
    counts = Counter(observation.my_status for observation in observations)
    return "   ".join(f"{status} {counts[status]}" for status in Status if counts[status])


def _bytes(client: Client, observations: Sequence[Observation]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for task_ids in _batches(observations):
        for product in client.dataproducts(taskID__in=task_ids):
            totals[product.taskID] += product.size or 0
    return totals


def _batches(observations: Sequence[Observation]) -> Iterator[str]:
    """Yield the taskIDs in lists that are short enough for a URL."""
    for begin in range(0, len(observations), 100):
        yield ",".join(observation.taskID for observation in observations[begin : begin + 100])


def seconds_in_stages(observation: Observation) -> dict[Actor, int]:
    """Return how many seconds an observation was in each stage, from its history."""
    seconds: Counter[Actor] = Counter()
    for step, following in zip(observation.status_history, observation.status_history[1:], strict=False):
        if stage := _STAGE_OF.get(Status(step.name)):
            seconds[stage] += round((following.timestamp - step.timestamp).total_seconds())
    return seconds


def table(observations: Sequence[Observation], sizes: dict[str, int]) -> str:
    """Format a table: the status of each observation, its products, their bytes, and its seconds in each stage."""
    stages = [stage.actor for stage in STAGES]
    rows = [["taskID", "name", "mode", "status", "products", "bytes", *(f"{stage} s" for stage in stages)]]
    for observation in observations:
        seconds = seconds_in_stages(observation)
        rows.append(
            [
                observation.taskID,
                observation.name,
                observation.observing_mode,
                observation.my_status,
                f"{len(observation.generated_dataproducts):,}",
                f"{sizes.get(observation.taskID, 0):,}",
                *(str(seconds[stage]) if stage in seconds else "-" for stage in stages),
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 4 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _verdict(observations: Sequence[Observation]) -> int:
    """Print the reason of each observation that is not in its expected status; return 1 if there are any."""
    strayed = 0
    for observation in observations:
        expected = Status.COMPLETED if observation.skip_auto_ingest else Status.REMOVED
        if observation.my_status is not expected:
            strayed += 1
            reason = (
                without_code(observation.status_history[-1].reason) or "ATDB has no reason for its last transition"
            )
            print(f"{observation.taskID} is {observation.my_status}, not {expected}: {reason}")
    print(f"{len(observations) - strayed} of {len(observations)} observations reached their expected status.")
    return 1 if strayed else 0


def run(settings: Settings, schedule_file: Path, speedup: float | None) -> int:
    """Run the demo and return the exit status; an error of ATDB is printed as one sentence."""
    try:
        return demo(settings, schedule_file, speedup)
    except AtdbError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
