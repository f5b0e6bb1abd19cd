"""Observations complete, the night is reported, and ingests do not delay the start of observations."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from standalone import replay
from standalone.demo import EXAMPLE
from standalone.simulator.journal import Journal
from tests.benchmarks.urgent import moments
from tests.compose.trial import Trial, require

QUEUED_INGESTS = 100
SPECIFIED = 40  # at the same time of another day
URGENT = 20
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
    """Check that observations start in time while a hundred ingests wait for the workers."""
    with trial.client() as atdb:
        atdb.change_stage(Actor.INGEST, paused=True, reason="so that ingests wait")
        begin = datetime.now(UTC) + timedelta(minutes=3)
        bulk = {
            trial.observation(atdb, begin + timedelta(seconds=3 * place), 1) for place in range(QUEUED_INGESTS)
        }
        trial.arrive(atdb, bulk, {Status.VALID})
        begin = datetime.now(UTC) + timedelta(seconds=45)
        urgent = {trial.observation(atdb, begin + timedelta(seconds=4 * place), 2) for place in range(URGENT)}
        atdb.change_stage(Actor.INGEST, paused=False, reason="now all at once")
        for _ in range(SPECIFIED):
            trial.observation(atdb, begin + timedelta(days=1), 2)
        arrived = trial.arrive(atdb, bulk | urgent, {Status.REMOVED})
    journal = list(Journal(trial.volume("telescope") / "journal.jsonl").events())
    accepted = moments(journal, "accepted")
    late = []
    for made in (each for each in arrived if each.taskID in urgent):
        parset = (accepted[made.taskID] - made.starttime).total_seconds()
        steps = before_and_after_start(made)
        words = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in steps.items())
        print(f"  {made.taskID}: {words}, parset at the telescope {parset:+.1f} s", flush=True)
        if parset > 0 or steps[Status.RUNNING] >= LATEST_START_SECONDS:
            late.append(made.taskID)
    require(not late, f"these have started too late: {late}")


def before_and_after_start(made: Observation) -> dict[str, float]:
    """Return when an observation entered each status up to running, in seconds from its start."""
    steps = {str(step.name): (step.timestamp - made.starttime).total_seconds() for step in made.status_history}
    return {name: steps[name] for name in (Status.DEFINED, Status.SCHEDULED, Status.STARTING, Status.RUNNING)}
