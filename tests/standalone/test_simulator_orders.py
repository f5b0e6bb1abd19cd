"""The orders that the telescope simulator accepts, refuses and stops."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from standalone.simulator.order import Order
from standalone.simulator.product_files import PARTS, FilePart, pieces
from tests.standalone.simulating import NOBODY, TASK, Simulator, alone, parset, unstarted

__all__ = ["alone", "unstarted"]  # fixtures


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
    refusing: Simulator, fields: dict[str, Any]
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


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "none"}])
def test_a_web_page_gives_no_orders(alone: Simulator, header: dict[str, str]) -> None:
    order = json.dumps({"taskID": TASK, "parset": parset()})
    refused = alone.http.post("/observations/", content=order, headers={"Content-Type": "text/plain", **header})
    assert (refused.status_code, "programs only" in refused.json()["detail"]) == (403, True)
    assert alone.http.delete(f"/observations/{TASK}/", headers=header).status_code == 403
    assert alone.http.get(f"/observations/{TASK}/").status_code == 404


def refused_with_a_sentence(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.text
    assert len(answer.json()["detail"]) > 10


def test_what_is_not_there_is_answered_in_json(refusing: Simulator) -> None:
    for path in ("/observations/190405099/", "/observations/passwd/", f"/observations/{'1' * 500}/", "/nothing"):
        answer = refusing.http.get(path)
        assert (answer.status_code, bool(answer.json()["detail"])) == (404, True)
    assert refusing.http.delete("/observations/").status_code == 405
    assert refusing.http.post("/observations/", content=b" " * (2 << 20)).status_code == 413


def test_a_task_that_is_over_is_not_stopped(alone: Simulator) -> None:
    alone.post(TASK, parset())
    alone.wait_for(TASK, state="finished")
    answer = alone.http.delete(f"/observations/{TASK}/")
    assert (answer.status_code, answer.json()["state"]) == (200, "finished")
    for path in ("/observations/190405099/", "/observations/passwd/"):
        assert alone.http.delete(path).status_code == 404


def test_a_file_that_is_not_fits_grows_by_random_bytes() -> None:
    order = Order.read(parset())
    assert [pieces(order, "a.raw", 1000 * PARTS, part) for part in range(2)] == [[FilePart("", b"", 1000)]] * 2
