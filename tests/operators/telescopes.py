"""Telescopes of tests, and observations on their way to one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.stages.observe import RunObservationOperator, StartObservationOperator
from standalone.settings import HOST
from standalone.simulator.observing import Telescope
from standalone.simulator.settings import Settings
from standalone.simulator.task_memory import Task, TaskMemory, TaskState
from standalone.simulator.web import create_app
from tests.conftest import SECRETS, listening
from tests.operators.contexts import Context
from tests.operators.observations import Observe


def use_telescope(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    connection = {"conn_type": "http", "host": f"http://{HOST}:{port}"}
    monkeypatch.setenv("AIRFLOW_CONN_TELESCOPE_DEFAULT", json.dumps(connection))


@pytest.fixture
def logbook(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskMemory]:
    """The memory of the simulator that the connection names."""
    settings = Settings(
        port=0,
        speedup=1,
        product_bytes=1000,
        data_root=tmp_path / "data",
        state=tmp_path / "telescope",
        atdb_url=url,
        atdb_user="telescope",
        atdb_secret=SECRETS["telescope"],
    )
    settings.data_root.mkdir()
    settings.state.mkdir()
    kept = TaskMemory(settings.state)
    telescope = Telescope(settings, kept)
    with listening(create_app(telescope, kept)) as port:
        use_telescope(monkeypatch, port)
        yield kept
        telescope.stop()


@pytest.fixture
def scheduled(observe: Observe) -> Callable[[float], Observation]:
    def make(seconds: float) -> Observation:
        start = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        return observe(Status.SCHEDULED, products=1, starttime=start)

    return make


@pytest.fixture
def started(
    scheduled: Callable[[float], Observation], context: Context, logbook: TaskMemory
) -> Callable[[float], Observation]:
    """Start an observation at the telescope, as `run 1` of observe."""

    def make(seconds: float) -> Observation:
        made = scheduled(seconds)
        StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
        assert state(logbook, made) is TaskState.ACCEPTED
        return made

    return make


@pytest.fixture
def running(started: Callable[[float], Observation], context: Context) -> Callable[[], Observation]:
    """Wait for the end of an observation, as `run 1` of observe."""

    def make() -> Observation:
        made = started(500)
        RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
        return made

    return make


def task_of(made: Observation, state: TaskState = TaskState.ACCEPTED, problem: str = "") -> Task:
    return Task(taskID=made.taskID, state=state, problem=problem, data_location=made.data_location, parset="")


def state(logbook: TaskMemory, made: Observation) -> TaskState | None:
    known = logbook.find(made.taskID)
    return known.state if known else None


def last(client: Client, made: Observation) -> tuple[Status, str]:
    now = client.observation(made.taskID)
    return now.my_status, now.status_history[-1].reason
