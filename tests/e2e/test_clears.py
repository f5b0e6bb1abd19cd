"""After a clear in Airflow, from each failed state and in each way, the status in ATDB is true at the end.

All cases run at the same time; docs/operation.md has the same table. Each is cleared in one way; `make clears`
clears each in every way.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Actor, Status
from standalone.settings import Settings
from tests.e2e.test_stack import run_of, submit

pytestmark = pytest.mark.timeout(1200)

S = Status
ELSEWHERE = "arts001:/data/elsewhere"
HOW = ("one task", "failed tasks only", "whole run")


@dataclass(frozen=True)
class Case:
    """A failed state of a stage. `task`: the task that is cleared; `fixed`: its cause has been fixed before."""

    stage: Actor
    state: Status
    task: str
    ends: Status
    fixed: bool = False
    then: Action | None = None

    def __str__(self) -> str:
        """Return the name in the documentation's table."""
        then = f", then {self.then}" if self.then else ", cause fixed" if self.fixed else ""
        return f"{self.stage}: {self.state}{then}"


CASES = (
    Case(Actor.SPECIFY, S.ABORTED, "specify", ends=S.ABORTED, then=Action.CANCEL),
    Case(Actor.OBSERVE, S.ERROR_TOO_LATE, "start", ends=S.ERROR_TOO_LATE),
    Case(Actor.OBSERVE, S.ERROR_START_OBS, "start", ends=S.ERROR_START_OBS),
    Case(Actor.OBSERVE, S.ERROR_NO_COMPLETING, "complete", ends=S.ERROR_NO_COMPLETING),
    Case(Actor.VALIDATE, S.INCOMPLETE, "validate", ends=S.REMOVED, fixed=True),
    Case(Actor.INGEST, S.INGEST_ERROR, "ingest", ends=S.REMOVED, fixed=True),
    Case(Actor.INGEST, S.INGEST_ERROR, "ingest", ends=S.ON_HOLD, then=Action.HOLD),
    Case(Actor.REMOVE, S.REMOVE_ERROR, "remove", ends=S.REMOVE_ERROR),
    Case(Actor.REMOVE, S.REMOVE_ERROR, "remove", ends=S.REMOVED, fixed=True),
    Case(Actor.REMOVE, S.REMOVE_ERROR, "remove", ends=S.ON_HOLD, then=Action.HOLD),
)


@dataclass
class Trial:
    """One observation that gets into a failed state, and is cleared in one way."""

    case: Case
    how: str
    number: int
    task_id: str = ""
    run: str = ""


class Causes:
    """Cause the failure of each case, and fix the cause."""

    def __init__(self, atdb: Client, settings: Settings) -> None:
        self.atdb, self.settings = atdb, settings

    def submit(self, trial: Trial) -> None:
        """Submit the observation, and create the causes that can exist before it starts."""
        late = trial.case.state is S.ERROR_TOO_LATE
        after_seconds = 3600 if trial.case.stage is Actor.SPECIFY else -7200 if late else 50 + 2 * trial.number
        trial.task_id = submit(
            self.atdb,
            f"CLEAR_{trial.number}",
            after_seconds=after_seconds,
            irods_collection=f"clears/{trial.number}",
        )
        if trial.case.state is S.ERROR_START_OBS:  # the telescope cannot write such a product
            self.define(trial, f"{trial.task_id}.txt")
        if trial.case.state is S.INCOMPLETE:  # the telescope writes all products into one directory
            self.define(trial, f"{trial.task_id}_late.fits", data_location=ELSEWHERE)
        if trial.case.state is S.ERROR_NO_COMPLETING:  # and does not overwrite data
            self.write(trial, f"ARTS{trial.task_id}.fits", b"of another task")
        if trial.case.state is S.INGEST_ERROR:  # a file in place of the archive's folder
            self.settings.archive.joinpath("clears").mkdir(exist_ok=True)
            self.settings.archive.joinpath("clears", str(trial.number)).write_bytes(b"")

    def repair(self, trial: Trial) -> None:
        if trial.case.state is S.INCOMPLETE:
            directory = self.settings.data / ELSEWHERE.replace(":/", "/")
            directory.mkdir(parents=True, exist_ok=True)
            directory.joinpath(f"{trial.task_id}_late.fits").write_bytes(b"came late")
        if trial.case.state is S.INGEST_ERROR:
            self.settings.archive.joinpath("clears", str(trial.number)).unlink()
        if trial.case.state is S.REMOVE_ERROR:
            self.archived(trial).write_bytes(self.data(trial).joinpath(f"ARTS{trial.task_id}.fits").read_bytes())

    def define(self, trial: Trial, filename: str, **fields: str) -> None:
        self.atdb.create_dataproducts([{"taskID": trial.task_id, "filename": filename, **fields}])

    def write(self, trial: Trial, filename: str, content: bytes) -> None:
        self.data(trial).mkdir(parents=True, exist_ok=True)
        self.data(trial).joinpath(filename).write_bytes(content)

    def data(self, trial: Trial) -> Path:
        host, _, directory = self.atdb.observation(trial.task_id).data_location.partition(":")
        return self.settings.data / host / directory.lstrip("/")

    def archived(self, trial: Trial) -> Path:
        folder = self.settings.archive / "clears" / str(trial.number) / trial.task_id
        return folder / f"ARTS{trial.task_id}.fits"


@pytest.fixture
def remove_paused(atdb: Client) -> Iterator[None]:
    atdb.change_stage(Actor.REMOVE, paused=True, reason="the archive is spoilt")
    yield
    atdb.change_stage(Actor.REMOVE, paused=False)


def cases_with_how() -> list[tuple[Case, str]]:
    if os.environ.get("ATDB_ALL_CLEARS"):
        return list(product(CASES, HOW))
    # Each way for several stages; a run that succeeded has no failed task to clear.
    return [(case, HOW[(number + number // len(HOW)) % len(HOW)]) for number, case in enumerate(CASES)]


def test_every_clear_in_every_failed_state_ends_on_a_true_status(
    settings: Settings, atdb: Client, airflow: httpx.Client, remove_paused: None
) -> None:
    causes = Causes(atdb, settings)
    trials = [Trial(case, how, number) for number, (case, how) in enumerate(cases_with_how())]
    for trial in trials:
        causes.submit(trial)
    for trial in trials:
        if trial.case.state is S.REMOVE_ERROR:
            wait_for_status(atdb, trial, S.ARCHIVED)
            causes.archived(trial).write_bytes(b"other bytes")
    atdb.change_stage(Actor.REMOVE, paused=False)
    for trial in trials:
        fail(atdb, airflow, causes, trial)
    before = {trial.task_id: atdb.observation(trial.task_id) for trial in trials}
    for trial in trials:
        clear(airflow, trial)
    for trial in trials:
        wait_until_over(airflow, trial)
        if trial.case.ends is S.REMOVED and has_failed_tasks(trial):
            wait_for_status(atdb, trial, S.REMOVED)
    ended = {str(trial.case) + " · " + trial.how: atdb.observation(trial.task_id) for trial in trials}
    wrong = {
        name: (observation.my_status, observation.status_history[-1].reason)
        for trial, (name, observation) in zip(trials, ended.items(), strict=True)
        if observation.my_status
        is not (trial.case.ends if has_failed_tasks(trial) else before[trial.task_id].my_status)
    }
    assert wrong == {}


def wait_for_status(atdb: Client, trial: Trial, status: Status) -> None:
    deadline = time.monotonic() + 240
    while (observation := atdb.observation(trial.task_id)).my_status is not status:
        assert time.monotonic() < deadline, (
            str(trial.case),
            trial.how,
            observation.my_status,
            observation.status_history[-1],
        )
        time.sleep(0.5)


def has_failed_tasks(trial: Trial) -> bool:
    """Return whether there is a failed task to clear: a run that found data incomplete has succeeded."""
    return not (trial.how == "failed tasks only" and trial.case.stage in (Actor.VALIDATE, Actor.SPECIFY))


def fail(atdb: Client, airflow: httpx.Client, causes: Causes, trial: Trial) -> None:
    """Wait until the case has failed and its run has ended; then fix the cause, or do the operator's action."""
    if trial.case.stage is Actor.SPECIFY:
        wait_for_status(atdb, trial, S.SCHEDULED)
    else:
        wait_for_status(atdb, trial, trial.case.state)
    trial.run = run_of(atdb, trial.task_id, trial.case.stage)
    wait_until_over(airflow, trial)
    if trial.case.fixed:
        causes.repair(trial)
    if trial.case.then:
        atdb.act(trial.task_id, trial.case.then, reason="rain")


def wait_until_over(airflow: httpx.Client, trial: Trial) -> None:
    deadline = time.monotonic() + 240
    while not is_over(airflow, trial):
        assert time.monotonic() < deadline, (str(trial.case), trial.how, trial.task_id, trial.run)
        time.sleep(0.5)


def is_over(airflow: httpx.Client, trial: Trial) -> bool:
    return is_run_over(airflow, f"dags/{trial.case.stage}/dagRuns/{quote(trial.run, safe='')}")


def is_run_over(airflow: httpx.Client, path: str) -> bool:
    return airflow.get(path).json()["state"] in ("success", "failed")


def clear(airflow: httpx.Client, trial: Trial) -> None:
    dag = f"dags/{trial.case.stage}"
    if trial.how == "whole run":
        answer = airflow.post(f"{dag}/dagRuns/{quote(trial.run, safe='')}/clear", json={"dry_run": False})
    else:
        chosen = {"only_failed": True} if trial.how == "failed tasks only" else {"task_ids": [trial.case.task]}
        ask = {"dry_run": False, "only_failed": False, "dag_run_id": trial.run, **chosen}
        answer = airflow.post(f"{dag}/clearTaskInstances", json=ask)
    assert answer.status_code == 200, answer.text
    if has_failed_tasks(trial):
        deadline = time.monotonic() + 5
        while is_over(airflow, trial) and time.monotonic() < deadline:
            time.sleep(0.1)
