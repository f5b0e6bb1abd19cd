"""Observations complete, the night is reported, and ingests do not delay the start of observations."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from atdb_interface.actions import Action
from atdb_interface.cli.schedule import read_schedule
from atdb_interface.client import Client
from atdb_interface.lifecycle import INGEST, Actor, Status
from atdb_interface.observations import Observation
from standalone import replay
from standalone.demo import EXAMPLE
from standalone.simulator.journal import Journal
from tests.benchmarks.listen import AT_ONCE
from tests.benchmarks.urgent import LONGEST_CANCEL, moments
from tests.compose.trial import Trial, require

QUEUED_INGESTS = 100
SPECIFIED = AT_ONCE  # at the same time of another day
URGENT, URGENT_EVERY_SECONDS = 20, 4
CANCELLED, CANCELLED_EVERY_SECONDS, CANCELLED_AFTER_SECONDS = 4, 20, 5
LATEST_START_SECONDS = 10.0


def demo(trial: Trial) -> None:
    """Check that the demo's schedule completes."""
    schedule = read_schedule(EXAMPLE)
    begin = datetime.now(UTC) + timedelta(seconds=30)
    with trial.client("astronomer") as atdb:
        shifted = replay.shifted(schedule, begin, replay.default_speedup(schedule))
        submitted = [atdb.create_observation(each) for each in shifted]
        trial.arrive(atdb, {each.taskID for each in submitted}, {Status.REMOVED, Status.COMPLETED})


def report(trial: Trial) -> None:
    """Check that Airflow creates a night report, and that ATDB shows it."""
    with trial.airflow() as airflow:
        run: dict[str, Any] = {"logical_date": None, "conf": {}}
        made = airflow.post("dags/night_report/dagRuns", json=run).raise_for_status().json()["dag_run_id"]
        while (state := airflow.get(f"dags/night_report/dagRuns/{made}").json()["state"]) in (
            "queued",
            "running",
        ):
            time.sleep(2)
    require(state == "success", f"the run of night_report is {state}")
    with trial.client() as atdb:
        nights = [atdb.night_report(stored.night) for stored in atdb.night_reports()]
    require(nights, "ATDB has no night report")
    print(f"  {[f'{each.night}: {each.observed_count} observed' for each in nights]}", flush=True)


def urgent(trial: Trial) -> None:
    """Check that starts and cancels reach the telescope in time while a hundred ingests wait for the workers.

    Many specifications arrive at the same time.
    """
    with trial.client() as atdb, ThreadPoolExecutor(1) as pool:
        atdb.change_stage(Actor.INGEST, paused=True, reason="so that ingests wait")
        begin = datetime.now(UTC) + timedelta(minutes=3)
        bulk = {
            trial.observation(atdb, begin + timedelta(seconds=3 * place), 1) for place in range(QUEUED_INGESTS)
        }
        trial.arrive(atdb, bulk, {Status.VALID})
        begin = datetime.now(UTC) + timedelta(seconds=45)
        starts = [begin + timedelta(seconds=URGENT_EVERY_SECONDS * place) for place in range(URGENT)]
        urgent = {trial.observation(atdb, start, 2) for start in starts}
        last = starts[-1]
        starts = [last + timedelta(seconds=CANCELLED_EVERY_SECONDS * (1 + place)) for place in range(CANCELLED)]
        to_cancel = {trial.observation(atdb, start, CANCELLED_EVERY_SECONDS): start for start in starts}
        atdb.change_stage(Actor.INGEST, paused=False, reason="now all at once")
        others = pool.submit(_specify, trial, begin + timedelta(days=1))
        cancelled = {task_id: _cancel(atdb, task_id, start) for task_id, start in to_cancel.items()}
        unfinished = atdb.count_observations(my_status__in=[INGEST.source, INGEST.working])
        print(f"  {unfinished} ingests waited or were in progress at the last cancel", flush=True)
        others.result()
        arrived = trial.arrive(atdb, bulk | urgent, {Status.REMOVED})
    journal = list(Journal(trial.volume("telescope") / "journal.jsonl").events())
    accepted, stopped = moments(journal, "accepted"), moments(journal, "stopped")
    late = []
    for made in (each for each in arrived if each.taskID in urgent):
        parset = (accepted[made.taskID] - made.starttime).total_seconds()
        steps = before_and_after_start(made)
        words = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in steps.items())
        print(f"  {made.taskID}: {words}, parset at the telescope {parset:+.1f} s", flush=True)
        if parset > 0 or steps[Status.RUNNING] >= LATEST_START_SECONDS:
            late.append(made.taskID)
    require(not late, f"these have started too late: {late}")
    seconds = {task_id: (stopped[task_id] - at).total_seconds() for task_id, at in cancelled.items()}
    print(f"  cancel until the telescope has stopped: {seconds}", flush=True)
    require(max(seconds.values()) <= LONGEST_CANCEL, "a cancel reached the telescope too late")


def _specify(trial: Trial, start: datetime) -> None:
    with trial.client() as atdb:
        for _ in range(SPECIFIED):
            trial.observation(atdb, start, 2)


def _cancel(atdb: Client, task_id: str, start: datetime) -> datetime:
    """Cancel an observation some seconds after its start, and return when."""
    until = start + timedelta(seconds=CANCELLED_AFTER_SECONDS)
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
    cancelled = datetime.now(UTC)
    atdb.act(task_id, Action.CANCEL, reason="the trial")
    return cancelled


def before_and_after_start(made: Observation) -> dict[str, float]:
    """Return when an observation entered each status up to running, in seconds from its start."""
    steps = {str(step.name): (step.timestamp - made.starttime).total_seconds() for step in made.status_history}
    return {name: steps[name] for name in (Status.DEFINED, Status.SCHEDULED, Status.STARTING, Status.RUNNING)}
