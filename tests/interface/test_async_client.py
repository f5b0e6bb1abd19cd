"""The asynchronous client: reads, pagination and retries; and the synchronous client derives from it."""

import asyncio
import time
from collections.abc import Callable

import pytest

from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.errors import NotFound, Unavailable
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.interface.proxy import Fault, proxy_to
from tests.specifications import COORDINATES
from tools import unasync

Observe = Callable[..., Observation]


def logged_in(url: str, patience: float = 20) -> AsyncClient:
    return AsyncClient(url, user="admin", secret=SECRETS["admin"], patience=patience)


@pytest.mark.parametrize("written", unasync.FILES)
def test_the_client_that_waits_is_made_from_this_one(written: str) -> None:
    made = unasync.waiting(unasync.FILES[written])
    assert (unasync.PACKAGE / written).read_text() == made, "make format"


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert methods(AsyncClient) == methods(Client)


def test_a_service_works_in_an_event_loop(client: Client, observe: Observe, url: str) -> None:
    task_ids = [observe(Status.VALID).taskID for _ in range(3)]

    async def serve() -> list[str]:
        async with logged_in(url) as atdb:
            assert await atdb.count_waiting([Status.VALID]) == 3
            claim = await atdb.claim(ClaimRequest(id="c1", consumer="tests", statuses=[Status.VALID]))
            await asyncio.gather(
                *(atdb.move(task.taskID, Status.INGESTING, owner="run 1") for task in claim.tasks)
            )
            assert await atdb.count_waiting([Status.VALID]) == 0
            with pytest.raises(NotFound):
                await atdb.observation("990101001")
            return [o.taskID async for o in atdb.observations(my_status=Status.INGESTING, page_size=2)]

    assert asyncio.run(serve()) == task_ids
    assert [lease.owner for lease in client.leases()] == ["run 1"] * 3


def test_an_observation_is_created_once_though_the_answer_is_lost(client: Client, url: str) -> None:
    specification = {
        "field_name": "3C147",
        "observing_mode": "imaging",
        **COORDINATES,
        "starttime": "2019-04-05T21:03:02Z",
        "duration": 300,
    }

    async def submit(address: str) -> Observation:
        async with logged_in(address) as atdb:
            return await atdb.create_observation(specification)

    with proxy_to(url, Fault.ANSWER_LOST, Fault.BUSY) as proxy:
        made = asyncio.run(submit(proxy.url))
    assert len(proxy.requests) == 3
    assert len(set(proxy.idempotency_keys())) == 1
    assert list(client.observations()) == [made]


def test_a_trigger_without_patience_fails_at_once_and_others_wait_without_blocking(url: str) -> None:
    async def look(address: str, patience: float) -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with logged_in(address, patience) as atdb:
            await atdb.count_waiting([Status.VALID])
        ticking.cancel()
        return ticks

    with proxy_to(url, Fault.NO_WAY) as proxy:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            asyncio.run(look(proxy.url, 0))
        assert time.monotonic() - began < 1
        assert len(proxy.requests) == 1
    with proxy_to(url, *[Fault.NO_WAY] * 3) as proxy:
        assert asyncio.run(look(proxy.url, 20)) > 20
        assert len(proxy.requests) == 4
