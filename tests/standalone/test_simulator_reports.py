"""What the telescope simulator reports to a real ATDB, also after a restart or a failure."""

import signal
import time
from collections.abc import Callable
from typing import Any

from atdb_interface.client import Client
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.lifecycle import Status
from standalone.settings import HOST
from tests.advancing import advance
from tests.conftest import free_ports, listening
from tests.standalone.simulating import (
    NOBODY,
    Simulator,
    running,
    seconds_from_now,
    status_in_atdb,
    unstarted,
    wait_until,
)

__all__ = ["unstarted"]  # fixtures


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


EARLY = {"field_name": "early", "observing_mode": "imaging", "field_ra": 1, "field_dec": 2, "duration": 1}


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
