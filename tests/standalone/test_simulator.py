"""The telescope simulator as a process, observing for a real ATDB: the data that it writes."""

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from astropy.io import fits

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.lifecycle import Status
from standalone.settings import SettingsError
from standalone.simulator.settings import Settings
from tests.conftest import SECRETS
from tests.file_records import records_of
from tests.standalone.simulating import (
    SIZE,
    TASK,
    Simulator,
    alone,
    parset,
    running,
    seconds_from_now,
    status_in_atdb,
    unstarted,
    wait_until,
)

__all__ = ["alone", "unstarted"]  # fixtures


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
    assert (last.actor, last.reason) == ("telescope", "DataWritten: The data writer has written 3 data products.")
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
    assert SECRETS["telescope"] not in log


def test_a_size_that_is_none_is_refused() -> None:
    for text in ("0", "-1", "1MB"):
        with pytest.raises(SettingsError, match="TELESCOPE_PRODUCT_BYTES"):
            Settings.from_environment({"TELESCOPE_PRODUCT_BYTES": text})
