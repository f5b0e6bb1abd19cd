"""A clock that jumps: it is noticed, and no work that is in progress is given to another run because of it."""

import asyncio
import logging
import time

import pytest

from atdb_interface.client import Client
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.lifecycle import Status
from atdb_plugins import dispatch
from atdb_plugins.airflow_api import AsyncAirflowClient
from atdb_plugins.clock import ClockWatch
from atdb_plugins.dispatch import Dispatcher
from tests.airflow_serving import Airflow
from tests.plugins.conftest import Observe, Speaking

HOUR = 3600.0


class Clock:
    """A clock that can be changed."""

    def __init__(self) -> None:
        self.wrong_by = 0.0

    def __call__(self) -> float:
        return time.time() + self.wrong_by


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 6.0, -6.0])
def test_a_jump_is_noticed_once(seconds: float) -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    assert watch.jump() == 0
    clock.wrong_by = seconds
    assert watch.jump() == pytest.approx(seconds, abs=1)
    assert watch.jump() == 0
    clock.wrong_by = 0
    assert watch.jump() == pytest.approx(-seconds, abs=1)


def test_time_that_passes_is_no_jump() -> None:
    passed = 0.0
    watch = ClockWatch(lambda: 1_700_000_000 + passed * 1.0001, lambda: 5 + passed)
    for passed in (1, 60, HOUR, 10 * HOUR):  # noqa: B007 (the clocks read it)
        assert watch.jump() == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_work_in_progress_goes_to_no_other_run_until_owners_could_renew(
    seconds: float,
    worker: Client,
    observed: Observe,
    airflow: Airflow,
    speaking: Speaking,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(dispatch, "LEASE_SECONDS", 4)
    in_progress, waiting = observed(Status.VALID), observed(Status.ARCHIVED)
    worker.move(in_progress.taskID, Status.INGESTING, owner="ingest/its run", lease_seconds=1)
    time.sleep(1.2)  # in the time of the jumped clock, the lease has expired

    async def listen(atdb: AsyncClient, runs: AsyncAirflowClient) -> None:
        clock = Clock()
        dispatcher = Dispatcher(atdb, runs, ClockWatch(clock))
        clock.wrong_by = seconds
        await dispatcher.step()
        await dispatcher.step()
        assert airflow.runs_of(in_progress.taskID) == {}
        assert airflow.runs_of(waiting.taskID) == {f"{waiting.taskID}-remove-1": "queued"}
        await asyncio.sleep(4)
        await dispatcher.step()
        assert len(airflow.runs_of(in_progress.taskID)) == 1

    with caplog.at_level(logging.WARNING, "atdb_plugins.dispatch"):
        speaking.run(listen)
    (message,) = [each.getMessage() for each in caplog.records if each.name == "atdb_plugins.dispatch"]
    assert f"jumped by {seconds:+.0f} s" in message
