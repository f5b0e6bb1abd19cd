"""The simulator has exactly the faults of its plan."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.instruments.apertif.parset import make_parset
from atdb_interface.lifecycle import Status
from standalone.settings import HOST
from standalone.simulator.faults import PLAN, Fault, Plan, Rule
from tests.file_records import records_of
from tests.standalone.simulating import (
    TASK,
    Simulator,
    alone,
    parset,
    running,
    status_in_atdb,
    unstarted,
    wait_until,
)

__all__ = ["alone", "unstarted"]  # fixtures

FITS = "wcudata1/data/apertif/a.fits"


def plan(simulator: Simulator, *rules: Rule) -> None:
    simulator.state.mkdir(exist_ok=True)
    Plan(rules=list(rules)).write(simulator.state / PLAN)


def journal(simulator: Simulator) -> list[tuple[str, str]]:
    lines = (simulator.state / "journal.jsonl").read_text().splitlines()
    return [(event["event"], event.get("fault", "")) for event in map(json.loads, lines)]


def test_a_refused_order_may_be_sent_again_and_a_rule_is_used_once(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.REFUSE))
    assert alone.post(TASK, parset()).status_code == 503
    assert alone.http.get(f"/observations/{TASK}/").status_code == 404
    alone.end(signal.SIGKILL)
    alone.start()
    assert alone.post(TASK, parset()).status_code == 201
    assert journal(alone) == [("fault", "refuse"), ("accepted", "")]


def test_a_rule_is_for_the_task_that_it_names(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.REFUSE, taskID="190405035"))
    assert alone.post(TASK, parset()).status_code == 201
    assert alone.post("190405035", parset("190405035")).status_code == 503


@pytest.mark.parametrize(("fault", "is_known"), [(Fault.SILENT, True), (Fault.DEAF, False)])
def test_no_answer_comes_in_time(alone: Simulator, fault: Fault, is_known: bool) -> None:
    plan(alone, Rule(id="1", fault=fault, seconds=30))
    alone.http.timeout = httpx.Timeout(1)
    with pytest.raises(httpx.ReadTimeout):
        alone.post(TASK, parset())
    assert alone.http.get(f"/observations/{TASK}/").is_success == is_known


def test_an_answer_comes_late(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.SILENT, seconds=1))
    began = time.monotonic()
    assert alone.post(TASK, parset()).status_code == 201
    assert time.monotonic() - began >= 1


def test_an_answer_comes_twice(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.ANSWER_TWICE))
    body = json.dumps({"taskID": TASK, "parset": parset()}).encode()
    with socket.create_connection((HOST, alone.port), timeout=10) as connection:
        head = f"POST /observations/ HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 201 CREATED") == 2
    assert journal(alone) == [("fault", "answer twice"), ("accepted", "")]


def test_a_report_comes_twice(unstarted: Callable[..., Simulator], client: Client, url: str) -> None:
    observation = running(client)
    simulator = unstarted(url)
    plan(simulator, Rule(id="1", fault=Fault.REPORT_TWICE))
    simulator.start().post(observation.taskID, make_parset(observation, ["a.MS"]))
    simulator.wait_for(observation.taskID, reported=True)
    assert status_in_atdb(client, observation.taskID) is Status.COMPLETING
    assert ("fault", "report twice") in journal(simulator)


def test_a_disk_that_is_full_for_a_while_costs_no_byte(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.DISK_FULL, seconds=1.5))
    alone.post(TASK, parset(dataWriter__products="a.fits,b.MS"))
    task = alone.wait_for(TASK, state="finished")
    assert "No space left on device" in alone.log.read_text()
    for product in task["products"]:
        path = alone.data / "wcudata1/data/apertif" / product["filename"]
        assert product["checksum"] == product_checksum(records_of(path))


def test_a_disk_that_stays_full_ends_the_task_and_is_reported_to_atdb(
    unstarted: Callable[..., Simulator], client: Client, url: str
) -> None:
    observation = running(client)
    simulator = unstarted(url)
    plan(simulator, Rule(id="1", fault=Fault.DISK_FULL, taskID=observation.taskID, seconds=600))
    simulator.start().post(observation.taskID, make_parset(observation, ["a.MS"]))
    wait_until(
        lambda: simulator.task(observation.taskID)["reported"],
        simulator.log.read_text,
        seconds=60,
    )
    stored = client.observation(observation.taskID)
    assert stored.my_status is Status.ERROR_NO_COMPLETING
    assert "No space left on device" in stored.status_history[-1].reason


def is_missing(path: Path) -> bool:
    return not os.path.lexists(path)


def is_empty(path: Path) -> bool:
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file()) == 0


def is_of_other_kind(path: Path) -> bool:
    return path.is_dir() == (path.suffix == ".fits") and not path.is_symlink()


def is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        (Fault.MISSING, is_missing),
        (Fault.EMPTY, is_empty),
        (Fault.OTHER_KIND, is_of_other_kind),
        (Fault.BROKEN_LINK, is_broken_link),
    ],
)
@pytest.mark.parametrize("name", ["a.fits", "b.MS"])
def test_a_product_is_damaged_after_it_was_recorded(
    alone: Simulator, fault: Fault, shows: Callable[[Path], bool], name: str
) -> None:
    number = ["a.fits", "b.MS"].index(name)
    plan(alone, Rule(id="1", fault=fault, product=number))
    alone.post(TASK, parset(dataWriter__products="a.fits,b.MS"))
    task: dict[str, Any] = alone.wait_for(TASK, state="finished")
    assert task["damaged"] == {name: fault}
    assert task["products"][number]["size"] > 0
    for product in task["products"]:
        path = alone.data / "wcudata1/data/apertif" / product["filename"]
        if product["filename"] == name:
            assert shows(path)
        else:
            assert product["checksum"] == product_checksum(records_of(path))


def test_a_product_grows_after_the_end_until_it_is_whole(alone: Simulator) -> None:
    plan(alone, Rule(id="1", fault=Fault.GROWING, seconds=2))
    alone.post(TASK, parset(dataWriter__products="a.fits"))
    (product,) = alone.wait_for(TASK, state="finished")["products"]
    path, began = alone.data / FITS, datetime.now(UTC)
    assert path.stat().st_size < product["size"]
    wait_until(lambda: path.stat().st_size == product["size"])
    assert (datetime.now(UTC) - began).total_seconds() > 1
    assert product_checksum(records_of(path)) == product["checksum"]
