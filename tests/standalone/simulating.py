"""The telescope simulator as a process, and orders for it: for the tests of the simulator."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.settings import HOST
from tests.conftest import SECRETS, free_ports

SIZE = 64 * 1024
NOBODY = f"http://{HOST}:9"  # where no ATDB responds


class Simulator:
    """`python -m standalone.simulator` with its files below one folder."""

    def __init__(self, folder: Path, atdb_url: str) -> None:
        self.data, self.state, self.log = folder / "data", folder / "telescope", folder / "telescope.log"
        self.port = free_ports(1)[0]
        self.environment = {
            "PATH": os.defpath,
            "TELESCOPE_PORT": str(self.port),
            "TELESCOPE_STATE": str(self.state),
            "TELESCOPE_PRODUCT_BYTES": str(SIZE),
            "ATDB_DATA_ROOT": str(self.data),
            "ATDB_URL": atdb_url,
            "ATDB_USER": "telescope",
            "ATDB_SECRET": SECRETS["telescope"],
        }
        self.http = httpx.Client(base_url=f"http://{HOST}:{self.port}", trust_env=False, timeout=10)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> "Simulator":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "standalone.simulator"],
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_well)
        return self

    def is_well(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self.http.get("/health").json() == {"status": "ok"})
        except httpx.TransportError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)

    def post(self, task_id: str, parset: str) -> httpx.Response:
        return self.http.post("/observations/", json={"taskID": task_id, "parset": parset})

    def task(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/observations/{task_id}/")
        assert answer.status_code == 200
        return dict(answer.json())

    def wait_for(self, task_id: str, **expected: Any) -> dict[str, Any]:
        def is_there() -> bool:
            task = self.task(task_id)
            return all(task[name] == value for name, value in expected.items())

        wait_until(is_there, lambda: f"{self.task(task_id)}\n{self.log.read_text()}")
        return self.task(task_id)

    def written(self) -> list[str]:
        return sorted(str(path.relative_to(self.data)) for path in self.data.rglob("*") if path.is_file())


def wait_until(condition: Callable[[], bool], describe: Callable[[], str] = str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.02)


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Callable[[str], Simulator]]:
    made: list[Simulator] = []

    def make(atdb_url: str = NOBODY) -> Simulator:
        made.append(Simulator(tmp_path, atdb_url))
        return made[-1]

    yield make
    for simulator in made:
        if simulator.process and simulator.process.poll() is None:
            simulator.end(signal.SIGKILL)
        simulator.http.close()


@pytest.fixture
def alone(unstarted: Callable[..., Simulator]) -> Simulator:
    """A running simulator whose ATDB is down."""
    return unstarted().start()


def seconds_from_now(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


TASK = "190405034"


def parset(task_id: str = TASK, *, start: float = -2, duration: float = 1, **fields: str) -> str:
    """Format a parset by hand; in the name of a field, `__` is the dot."""
    entries = {
        "task.taskID": task_id,
        "task.startTime": seconds_from_now(start),
        "task.endTime": seconds_from_now(start + duration),
        "task.observingMode": "imaging",
        "task.fieldName": "3C48",
        "task.fieldRa": "24.422",
        "task.fieldDec": "33.159",
        "task.centralFrequency": "1280",
        "task.telescopes": "23456789ABCD",
        "dataWriter.dataLocation": "wcudata1:/data/apertif",
        "dataWriter.products": f"WSRTA{task_id}_B000.MS,WSRTA{task_id}_B001.MS",
    } | {name.replace("__", "."): value for name, value in fields.items()}
    return "# a parset\n" + "".join(f"{key}={value}\n" for key, value in entries.items() if value)


_NUMBERS = count(1)


def running(client: Client, **fields: Any) -> Observation:
    """Create an observation, and move it to the status that it has at its start."""
    made = client.create_observation(
        {
            "field_name": f"S{next(_NUMBERS)} ☆",
            "observing_mode": "imaging",
            "starttime": seconds_from_now(-2),
            "duration": 1,
            "field_ra": 24.422,
            "field_dec": 33.159,
            "central_frequency": 1280.0,
            "telescopes": "23456789ABCD",
            **fields,
        }
    )
    for status in (Status.SCHEDULED, Status.STARTING, Status.RUNNING):
        client.move(made.taskID, status)
    return client.observation(made.taskID)


def status_in_atdb(client: Client, task_id: str) -> Status:
    return client.observation(task_id).my_status
