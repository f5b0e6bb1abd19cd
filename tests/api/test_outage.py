"""An outage of PostgreSQL: nothing acknowledged is lost, and refusals come quickly."""

import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from tests.conftest import SECRETS, Postgres
from tests.serving import Served
from tests.specifications import COORDINATES

DOWN_SECONDS = 10
WRITERS = 8


@dataclass
class Seen:
    """The acknowledged taskIDs; of each refusal, the times of request and response, the status and the header."""

    acknowledged: list[str] = field(default_factory=list)
    refused: list[tuple[float, float, int, str | None]] = field(default_factory=list)


def _write(url: str, writer: int, seen: Seen, stop: threading.Event) -> None:
    number = 0
    with httpx.Client(base_url=f"{url}/atdb", auth=("astronomer", SECRETS["astronomer"]), timeout=30) as http:
        while not stop.is_set():
            number += 1
            specification = {
                "field_name": f"{writer}/{number}",
                "observing_mode": "imaging",
                **COORDINATES,
                "starttime": "2019-04-05T12:00:00Z",
                "duration": 60,
            }
            asked_at = time.monotonic()
            answer = http.post("/observations/", json=specification)
            if answer.status_code == 201:
                seen.acknowledged.append(answer.json()["taskID"])
            else:
                retry_after = answer.headers.get("Retry-After")
                seen.refused.append((asked_at, time.monotonic(), answer.status_code, retry_after))
                time.sleep(0.05)


def _await(seen: Seen, acknowledged: int) -> None:
    deadline = time.monotonic() + 60
    while len(seen.acknowledged) < acknowledged:
        assert time.monotonic() < deadline, f"{len(seen.acknowledged)} of {acknowledged} writes in 60 s"
        time.sleep(0.1)


@pytest.mark.timeout(180)
def test_during_an_outage_of_postgresql_requests_get_a_503_and_no_acknowledged_write_is_lost(
    postgres: Postgres, served: Served
) -> None:
    seen, stop = Seen(), threading.Event()
    writers = [threading.Thread(target=_write, args=(served.url, n, seen, stop)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    _await(seen, 50)
    stopped_at = time.monotonic()
    postgres.stop()
    before = len(seen.acknowledged)
    time.sleep(DOWN_SECONDS)
    postgres.start()
    _await(seen, before + 50)
    stop.set()
    for writer in writers:
        writer.join()

    auth = ("viewer", SECRETS["viewer"])
    there = []
    page = httpx.get(f"{served.url}/atdb/observations/?cursor=&page_size=1000&fields=taskID", auth=auth).json()
    while True:
        there += [item["taskID"] for item in page["results"]]
        if not page["next"]:
            break
        page = httpx.get(page["next"], auth=auth).json()
    assert set(seen.acknowledged) <= set(there)
    assert len(set(seen.acknowledged)) == len(seen.acknowledged)
    assert len(seen.refused) > WRITERS
    assert {(status, retry_after) for _, _, status, retry_after in seen.refused} == {(503, "2")}
    assert max(answered - max(asked_at, stopped_at) for asked_at, answered, _, _ in seen.refused) < 2
