"""The telescope simulator as a process, observing for a real ATDB."""

import hashlib
import json
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
from astropy.io import fits

from atdb_interface.checksum import product_checksum, records_of
from atdb_interface.client import Client
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.settings import HOST, SettingsError
from standalone.simulator.settings import Settings
from tests.advancing import advance
from tests.conftest import SECRETS, free_ports, listening

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
            "ATDB_USER": "service",
            "ATDB_SECRET": SECRETS["service"],
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
            return self.http.get("/health").json() == {"status": "ok"}
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


def wait_until(condition: Callable[[], bool], tell: Callable[[], str] = str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, tell()
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


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A running simulator for orders that it refuses; tests share it, because no order may leave anything."""
    simulator = Simulator(tmp_path_factory.mktemp("refusing"), NOBODY).start()
    outside = simulator.data.parent / "outside"
    outside.mkdir()
    (simulator.data / "wcudata1").mkdir(parents=True)
    (simulator.data / "wcudata1/leads").symlink_to(outside)
    yield simulator
    simulator.end()
    assert simulator.written() == []
    assert list(outside.iterdir()) == []
    assert list(simulator.state.iterdir()) == []
    simulator.http.close()


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


def test_an_observation_is_accepted_written_and_reported(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client, duration=3)
    task_id, names = observation.taskID, [f"WSRTA{observation.taskID}_B{beam:03d}.MS" for beam in range(3)]
    simulator = unstarted(url).start()

    answer = simulator.post(task_id, make_parset(observation, names))
    assert (answer.status_code, answer.json()["state"]) == (201, "accepted")
    assert answer.json()["taskID"] == task_id

    simulator.wait_for(task_id, state="finished", reported=True)
    assert datetime.now(UTC) >= observation.endtime
    assert status_in_atdb(client, task_id) is Status.COMPLETING
    *_, last = client.history(taskID=task_id)
    assert (last.actor, last.reason) == ("service", "DataWritten: The data writer has written 3 data products.")
    assert [task["taskID"] for task in simulator.http.get("/observations/").json()] == [task_id]

    record = json.loads((simulator.state / f"{task_id}.json").read_text())
    assert (record["state"], record["reported"]) == ("finished", True)
    assert [product["filename"] for product in record["products"]] == names
    checksums = set()
    for product in record["products"]:
        path = simulator.data / "wcudata1" / "data" / product["filename"]
        records = records_of(path)
        assert [(file.path, file.size, file.sha256) for file in records] == [
            (file["path"], file["size"], file["sha256"]) for file in product["files"]
        ]
        assert {"table.dat", "table.info", "table.f0", "ANTENNA/table.dat", "SPECTRAL_WINDOW/table.f0"} < {
            file.path for file in records
        }
        assert product["checksum"] == product_checksum(records)
        assert product["size"] == sum(file.size for file in records) == pytest.approx(SIZE, rel=0.1)
        checksums |= {file.sha256 for file in records}
    assert len(checksums) == 3 * len(records)  # all files differ
    listing = "find . -type f -print0 | LC_ALL=C sort -z | xargs -r0 sha256sum | sha256sum"
    by_tools = subprocess.check_output(["/bin/sh", "-c", listing], cwd=path, text=True)
    assert by_tools.split()[0] == product["checksum"]


def test_a_fits_file_is_one_for_astropy(unstarted: Callable[..., Simulator], client: Client, url: str) -> None:
    observation = running(client, observing_mode="arts_sc4_survey", data_location="arts001:/data/01/Timing")
    task_id, name = observation.taskID, f"ARTS{observation.taskID}_CB00.fits"
    simulator = unstarted(url).start(TELESCOPE_PRODUCT_BYTES="3000000")
    assert simulator.post(task_id, make_parset(observation, [name])).status_code == 201
    task = simulator.wait_for(task_id, reported=True)
    path = simulator.data / "arts001/data/01/Timing" / name
    (product,) = task["products"]
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    assert product["checksum"] == product["files"][0]["sha256"] == sha256
    assert product["size"] == path.stat().st_size == pytest.approx(3_000_000, rel=0.05)
    with fits.open(path, memmap=False) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        assert (header["TELESCOP"], header["OBSID"], header["FREQ"]) == ("WSRT", task_id, 1280.0)
        assert header["OBJECT"] == observation.field_name.replace("☆", "?")
        assert header["DATE-OBS"] == observation.starttime.strftime("%Y-%m-%dT%H:%M:%S")
        assert header["EXPTIME"] == 1
        assert len(hdus) == 4
        for hdu in hdus:
            assert hdu.data.shape[1] == 1536
            assert hdu.data.mean() == pytest.approx(127.5, abs=2)


def test_the_same_task_is_never_started_twice(alone: Simulator) -> None:
    assert alone.post(TASK, parset()).status_code == 201
    finished = alone.wait_for(TASK, state="finished")
    alone.end()
    alone.start()
    again = alone.post(TASK, parset(dataWriter__products="other.MS"))
    assert again.status_code == 409
    assert (again.json()["taskID"], again.json()["state"]) == (TASK, "finished")
    assert TASK in again.json()["detail"]
    assert alone.task(TASK)["products"] == finished["products"]
    assert not any("other" in path for path in alone.written())


@pytest.mark.parametrize(
    "fields",
    [
        {"dataWriter__dataLocation": "wcudata1:/data/../../../etc"},
        {"dataWriter__dataLocation": "../etc:/data"},
        {"dataWriter__dataLocation": "/etc"},
        {"dataWriter__dataLocation": "wcudata1:/leads/out"},
        {"dataWriter__products": "../escaped.MS"},
        {"dataWriter__products": "/tmp/escaped.MS"},
        {"dataWriter__products": "a.MS,a.MS"},
        {"dataWriter__products": "a.MS,"},
        {"dataWriter__products": "a.txt"},
        {"dataWriter__products": ""},
        {"task__startTime": "yesterday"},
        {"task__endTime": "2019-04-05T21:03:02Z"},
        {"task__fieldRa": "nan"},
        {"task__taskID": "190405035"},
        {"task__taskID": "../190405034"},
        {"task__fieldName": ""},
    ],
    ids=str,
)
def test_a_parset_that_cannot_be_used_is_refused_and_nothing_is_written(
    refusing: Simulator, fields: dict[str, str]
) -> None:
    refused_with_a_sentence(refusing.post(TASK, parset(**fields)))
    assert refusing.http.get(f"/observations/{TASK}/").status_code == 404
    assert refusing.http.get("/observations/").json() == []
    assert list(refusing.state.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"taskID": "190405034"}',
        b'{"taskID": "190405034", "parset": "this is no parset"}',
        b'{"taskID": "190405034", "parset": "task.fieldName=\\ud800"}',
        b'{"taskID": 190405034, "parset": ""}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_command_is_refused(refusing: Simulator, body: bytes) -> None:
    refused_with_a_sentence(refusing.http.post("/observations/", content=body))


def refused_with_a_sentence(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.text
    assert len(answer.json()["detail"]) > 10


def test_what_is_not_there_is_answered_in_json(refusing: Simulator) -> None:
    for path in ("/observations/190405099/", "/observations/passwd/", f"/observations/{'1' * 500}/", "/nothing"):
        answer = refusing.http.get(path)
        assert (answer.status_code, bool(answer.json()["detail"])) == (404, True)
    assert refusing.http.delete("/observations/").status_code == 405
    assert refusing.http.post("/observations/", content=b" " * (2 << 20)).status_code == 413


def test_data_that_are_there_already_are_not_written_over(alone: Simulator) -> None:
    present = alone.data / "wcudata1/data/apertif/precious.MS/table.dat"
    present.parent.mkdir(parents=True)
    present.write_text("theirs")
    alone.post(TASK, parset(dataWriter__products="new.MS,precious.MS"))
    task = alone.wait_for(TASK, state="failed")
    assert "precious.MS already exists" in task["problem"]
    assert present.read_text() == "theirs"
    assert alone.written() == ["wcudata1/data/apertif/precious.MS/table.dat"]


def test_the_products_grow_while_it_observes(alone: Simulator) -> None:
    alone.post(TASK, parset(start=1, duration=5, dataWriter__products="a.fits"))
    path = alone.data / "wcudata1/data/apertif/a.fits"
    assert not path.exists()
    sizes = set()
    while alone.task(TASK)["state"] != "finished":
        if path.exists():
            assert alone.task(TASK)["state"] in ("observing", "finished")
            sizes.add(path.stat().st_size)
        time.sleep(0.02)
    assert len(sizes - {0}) >= 4


def test_a_long_observation_is_over_in_seconds_with_a_speedup(unstarted: Callable[..., Simulator]) -> None:
    simulator = unstarted().start(ATDB_TELESCOPE_SPEEDUP="20700")
    began = time.monotonic()
    simulator.post(TASK, parset(start=1, duration=11.5 * 3600))
    simulator.wait_for(TASK, state="finished")
    assert 1 < time.monotonic() - began < 6


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_an_interrupted_observation_is_made_whole_after_a_restart(
    unstarted: Callable[..., Simulator], client: Client, url: str, number: int
) -> None:
    # On a busy machine, the restart takes many seconds of the observation.
    observing = running(client, starttime=seconds_from_now(0), duration=25, observing_mode="arts_sc1_timing")
    waiting = running(client, starttime=seconds_from_now(25), duration=1)
    simulator = unstarted(url).start()
    simulator.post(observing.taskID, make_parset(observing, ["a.fits", "b.MS"]))
    simulator.post(waiting.taskID, make_parset(waiting, ["c.MS"]))
    wait_until(lambda: "arts001/data/b.MS/table.f0" in simulator.written())
    simulator.end(number)
    (simulator.data / "arts001/data/b.MS/table.f0").write_text("half")
    (simulator.data / "arts001/data/b.MS/remains").write_text("of what was never finished")

    simulator.start()
    assert simulator.task(observing.taskID)["state"] == "observing"
    assert simulator.task(waiting.taskID)["state"] == "accepted"
    for observation in (observing, waiting):
        task = simulator.wait_for(observation.taskID, state="finished", reported=True)
        assert status_in_atdb(client, observation.taskID) is Status.COMPLETING
        for product in task["products"]:
            host = "arts001" if observation is observing else "wcudata1"
            assert product["checksum"] == product_checksum(
                records_of(simulator.data / host / "data" / product["filename"])
            )


def test_an_observation_that_is_over_at_the_restart_is_written_at_once(alone: Simulator) -> None:
    alone.post(TASK, parset(start=1, duration=2))
    alone.end(signal.SIGKILL)
    time.sleep(4)
    alone.start()
    began = time.monotonic()
    assert len(alone.wait_for(TASK, state="finished")["products"]) == 2
    assert time.monotonic() - began < 2


def test_a_finished_observation_is_reported_after_a_restart_and_not_written_again(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client)
    simulator = unstarted(url).start(ATDB_URL=NOBODY)
    simulator.post(observation.taskID, make_parset(observation, ["a.MS"]))
    before = simulator.wait_for(observation.taskID, state="finished", reported=False)
    simulator.end(signal.SIGKILL)
    (simulator.data / "wcudata1/data/a.MS").rename(simulator.data / "moved.MS")

    simulator.start()
    after = simulator.wait_for(observation.taskID, reported=True)
    assert after["products"] == before["products"]
    assert status_in_atdb(client, observation.taskID) is Status.COMPLETING
    assert not (simulator.data / "wcudata1/data/a.MS").exists()


def test_it_asks_again_while_the_observation_is_starting(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client)
    early = client.create_observation({**EARLY, "starttime": seconds_from_now(-2)})
    for status in (Status.SCHEDULED, Status.STARTING):
        client.move(early.taskID, status)
    simulator = unstarted(url).start()
    simulator.post(early.taskID, make_parset(early, ["early.MS"]))
    wait_until(lambda: "cannot report yet" in simulator.log.read_text())
    assert simulator.task(early.taskID)["reported"] is False
    client.move(early.taskID, Status.RUNNING)
    simulator.wait_for(early.taskID, reported=True)
    assert status_in_atdb(client, early.taskID) is Status.COMPLETING
    assert status_in_atdb(client, observation.taskID) is Status.RUNNING


EARLY = {"field_name": "early", "observing_mode": "imaging", "duration": 1}


def test_it_asks_again_while_atdb_is_down(unstarted: Callable[..., Simulator], client: Client, app: Any) -> None:
    observation = running(client)
    port = free_ports(1)[0]
    simulator = unstarted(f"http://{HOST}:{port}").start()
    simulator.post(observation.taskID, make_parset(observation, ["a.MS"]))
    wait_until(lambda: "cannot be reached" in simulator.log.read_text())
    with listening(app, port):  # ATDB responds again
        simulator.wait_for(observation.taskID, reported=True)
    assert status_in_atdb(client, observation.taskID) is Status.COMPLETING


def test_an_aborted_observation_is_given_up(unstarted: Callable[..., Simulator], client: Client, url: str) -> None:
    observation = running(client)
    client.move(observation.taskID, Status.ABORTED, reason="wind")
    simulator = unstarted(url).start()
    simulator.post(observation.taskID, make_parset(observation, ["a.MS"]))
    task = simulator.wait_for(observation.taskID, aborted=True)
    assert (task["state"], task["reported"]) == ("finished", False)
    assert "aborted" in task["problem"]
    assert status_in_atdb(client, observation.taskID) is Status.ABORTED


def test_a_report_that_atdb_no_longer_needs_counts_as_made(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client)
    advance(client, observation.taskID, [Status.COMPLETING, Status.CHECKING, Status.VALID])
    simulator = unstarted(url).start()
    simulator.post(observation.taskID, make_parset(observation, ["a.MS"]))
    assert "valid already" in simulator.wait_for(observation.taskID, reported=True)["problem"]
    assert status_in_atdb(client, observation.taskID) is Status.VALID


def test_a_task_that_is_stopped_ends_at_once_and_reports_nothing(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client, starttime=seconds_from_now(0), duration=60)
    simulator = unstarted(url).start(ATDB_TELESCOPE_SPEEDUP="12")  # a part every 1.25 s
    simulator.post(observation.taskID, make_parset(observation, ["a.MS"]))
    wait_until(lambda: "wcudata1/data/a.MS/table.f0" in simulator.written())
    answer = simulator.http.delete(f"/observations/{observation.taskID}/")
    assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
    written = simulator.written()
    time.sleep(2)
    assert simulator.written() == written
    simulator.end(signal.SIGKILL)
    simulator.start()
    assert simulator.task(observation.taskID)["state"] == "stopped"
    assert simulator.http.delete(f"/observations/{observation.taskID}/").json()["state"] == "stopped"
    assert simulator.post(observation.taskID, make_parset(observation, ["a.MS"])).status_code == 409
    time.sleep(1)
    assert simulator.written() == written
    assert status_in_atdb(client, observation.taskID) is Status.RUNNING


def test_a_task_that_is_over_is_not_stopped(alone: Simulator) -> None:
    alone.post(TASK, parset())
    alone.wait_for(TASK, state="finished")
    answer = alone.http.delete(f"/observations/{TASK}/")
    assert (answer.status_code, answer.json()["state"]) == (200, "finished")
    for path in ("/observations/190405099/", "/observations/passwd/"):
        assert alone.http.delete(path).status_code == 404


def test_a_task_that_fails_is_reported_to_atdb(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client)
    simulator = unstarted(url)
    (simulator.data / "wcudata1/data").mkdir(parents=True)
    (simulator.data / "wcudata1/data/a.MS").write_text("theirs")
    simulator.start().post(observation.taskID, make_parset(observation, ["a.MS"]))
    simulator.wait_for(observation.taskID, state="failed", reported=True)
    stored = client.observation(observation.taskID)
    assert stored.my_status is Status.ERROR_NO_COMPLETING
    assert "a.MS already exists" in stored.status_history[-1].reason


def test_it_sends_heartbeats(unstarted: Callable[..., Simulator], client: Client, url: str) -> None:
    simulator = unstarted(url).start()
    wait_until(lambda: len(list(client.services())) == 1)
    (service,) = client.services()
    assert (service.name, service.detail) == ("telescope simulator", "no observations")
    assert simulator.is_well()


def test_ten_observations_at_once_are_all_written(alone: Simulator) -> None:
    task_ids = [f"1904050{number}" for number in range(10, 20)]
    for task_id in task_ids:
        assert alone.post(task_id, parset(task_id, start=1)).status_code == 201
    checksums = {
        product["checksum"]
        for task_id in task_ids
        for product in alone.wait_for(task_id, state="finished")["products"]
    }
    assert len(checksums) == 20


def test_it_ends_within_two_seconds_and_listens_on_this_machine_only(alone: Simulator) -> None:
    alone.post(TASK, parset(start=3600))
    alone.post("190405035", parset("190405035"))
    wait_until(lambda: "cannot report yet" in alone.log.read_text())
    began = time.monotonic()
    assert alone.end() == 0
    assert time.monotonic() - began < 2
    log = alone.log.read_text()
    assert f"listening on http://127.0.0.1:{alone.port}" in log
    assert "WARNING" not in log
    assert "Traceback" not in log
    assert SECRETS["service"] not in log


def test_a_size_that_is_none_is_refused() -> None:
    for text in ("0", "-1", "1MB"):
        with pytest.raises(SettingsError, match="TELESCOPE_PRODUCT_BYTES"):
            Settings.from_environment({"TELESCOPE_PRODUCT_BYTES": text})
