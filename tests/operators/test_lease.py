"""Work whose lease is lost stops in time, at any point, and leaves nothing half done."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface import checksum
from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import Unavailable
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.archive.identity import MARKER
from operators import lease as lease_module
from operators.lease import LeaseKeeper, LeaseLostError
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from tests.operators.contexts import Context, use_archive
from tests.operators.observations import Make, Observe, SlowFileSystem, last, parts_in, products_of, statuses

#: The time that the documents promise, plus a margin for a busy machine.
STOPPED_WITHIN_SECONDS = 10 + 10
SUPERVISED = """
import os, sys, time
child = os.fork()
if child:
    print(child, flush=True)
    time.sleep(600)
from types import SimpleNamespace
from tests.operators import conftest
from tests.operators.observations import IngestProductsOperator, SlowFileSystem
SlowFileSystem.seconds = 60
context = {
    "dag_run": SimpleNamespace(partition_key=sys.argv[1], run_id="run 1", dag_id="ingest"),
    "ti": SimpleNamespace(try_number=1, max_tries=0),
}
try:
    IngestProductsOperator(task_id="ingest").execute(context)
    outcome = "finished"
except BaseException as error:
    outcome = f"{type(error).__name__}: {error}"
with open(sys.argv[2], "w") as file:
    file.write(outcome)
"""


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew leases and react faster than in production."""
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(lease_module, "REACT_SECONDS", 0.5)


@pytest.fixture
def working(client: Client, observe: Observe) -> Observation:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=60)
    return made


def when(condition: Callable[[], object], act: Callable[[], object]) -> Callable[[], float]:
    """Call `act` in the background once a condition is true; the result waits for it, and returns its time."""
    done: list[float] = []

    def wait() -> None:
        while not condition():
            time.sleep(0.05)
        act()
        done.append(time.monotonic())

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()

    def joined() -> float:
        thread.join(60)
        return done[0]

    return joined


def wait_until_lost(lease: LeaseKeeper) -> None:
    deadline = time.monotonic() + 60
    while not lease.is_lost():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("action", [Action.HOLD, Action.CANCEL])
@pytest.mark.parametrize("blocked", [False, True], ids=["copying", "blocked"])
def test_a_person_stops_an_ingest_within_seconds_and_no_part_is_left(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: Action,
    blocked: bool,
) -> None:
    made = validated(products=2, n_bytes=2_000_000)
    monkeypatch.setattr(checksum, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(SlowFileSystem, "seconds", 120 if blocked else 0.05)
    use_archive(monkeypatch, f"slow://{archive_root}")
    former = signal.getsignal(signal.SIGUSR1)
    stopped = when(lambda: parts_in(archive_root), lambda: client.act(made.taskID, action, reason="rain"))
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert time.monotonic() - stopped() < STOPPED_WITHIN_SECONDS
    assert last(client, made) == ("on hold" if action is Action.HOLD else "ingest error", "rain")
    assert statuses(client, made) == ["valid"] * 2
    assert [path.name for path in archive_root.rglob("*") if path.is_file()] == [MARKER]
    assert signal.getsignal(signal.SIGUSR1) is former


def test_a_removal_that_is_put_on_hold_deletes_nothing_more(
    client: Client, archived: Make, context: Context, monkeypatch: pytest.MonkeyPatch, brisk: None
) -> None:
    made = archived(products=2, n_bytes=200_000)
    monkeypatch.setattr(checksum, "CHUNK_BYTES", 1000)
    advance = LeaseKeeper.advance

    def slowly(keeper: LeaseKeeper, n_bytes: int) -> None:
        time.sleep(0.05)
        advance(keeper, n_bytes)

    monkeypatch.setattr(LeaseKeeper, "advance", slowly)
    when(lambda: list(client.leases(done_bytes__gt=1000)), lambda: client.act(made.taskID, Action.HOLD))
    with pytest.raises(AirflowSkipException):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert last(client, made)[0] == "on hold"
    assert statuses(client, made) == ["archived"] * 2
    assert len(products_of(client, made)) == 2


def test_work_that_has_noticed_its_loss_is_not_interrupted(
    client: Client, working: Observation, brisk: None
) -> None:
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        client.act(working.taskID, Action.HOLD)
        while not lease.is_lost():
            time.sleep(0.02)
        with pytest.raises(LeaseLostError, match="on hold"):
            lease.check()
        time.sleep(1.0)  # twice the time allowed for a reaction


def test_work_that_does_not_look_is_interrupted_once(client: Client, working: Observation, brisk: None) -> None:
    with LeaseKeeper(client, working.taskID, "ingest/run 1"):
        client.act(working.taskID, Action.HOLD)
        with pytest.raises(LeaseLostError, match="on hold"):
            time.sleep(60)
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGUSR1)  # a second call does nothing


def test_each_renewal_reports_the_progress_and_the_trouble_of_the_work(
    client: Client, working: Observation, brisk: None
) -> None:
    def recorded() -> tuple[int | None, int | None, str | None]:
        time.sleep(0.5)
        (lease,) = client.leases()
        return lease.done_bytes, lease.total_bytes, lease.trouble

    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        assert recorded() == (None, None, None)
        lease.begin(100)
        assert recorded() == (0, 100, None)
        lease.begin(100, 10)
        lease.advance(20)
        assert recorded() == (30, 100, None)
        lease.report("OSError: the disk is slow")
        lease.reach(20)
        assert recorded() == (30, 100, "OSError: the disk is slow")
        lease.report("")
        lease.advance(900)
        assert recorded() == (100, 100, None)


def test_work_whose_supervisor_is_killed_stops_and_records_nothing(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = validated(products=2, n_bytes=1000)
    context(made.taskID, "ingest")
    use_archive(monkeypatch, f"slow://{archive_root}")
    outcome = tmp_path / "outcome"
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, made.taskID, outcome],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert supervisor.stdout
    child = int(supervisor.stdout.readline())
    try:
        deadline = time.monotonic() + 60
        while not parts_in(archive_root):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        supervisor.kill()
        supervisor.wait()
        killed_at = time.monotonic()
        while not outcome.exists() or not outcome.read_text():
            assert time.monotonic() - killed_at < STOPPED_WITHIN_SECONDS
            time.sleep(0.1)
    finally:
        supervisor.kill()
        supervisor.stdout.close()
        if not outcome.exists():
            os.kill(child, signal.SIGKILL)
    assert (
        outcome.read_text()
        == f"AirflowSkipException: The process {supervisor.pid} that supervised this attempt has ended."
    )
    assert parts_in(archive_root) == []
    assert client.observation(made.taskID).my_status is Status.INGESTING
    assert statuses(client, made) == ["ingesting"] * 2


def test_a_recent_renewal_confirms_the_lease_without_a_request(
    client: Client, observe: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = observe(Status.ARCHIVED)
    client.move(made.taskID, Status.REMOVING, owner="run 1", lease_seconds=60)
    lease = LeaseKeeper(client, made.taskID, "run 1")
    lease.confirm(within_seconds=60)  # it has never renewed the lease, so it does now
    client.act(made.taskID, Action.HOLD)
    lease.confirm(within_seconds=60)
    time.sleep(0.01)
    with pytest.raises(LeaseLostError):
        lease.confirm(within_seconds=0.01)
    with pytest.raises(LeaseLostError):
        lease.confirm(within_seconds=60)


def test_the_lease_is_asked_for_before_a_step_that_needs_it(
    client: Client, working: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both renewals are at the same time, so the first one is as recent as possible.
    monkeypatch.setattr(lease_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    lease = LeaseKeeper(client, working.taskID, "ingest/run 1")
    lease.confirm()
    client.act(working.taskID, Action.HOLD)
    with pytest.raises(LeaseLostError, match="on hold"):
        lease.confirm()


def test_the_lease_on_an_observation_that_atdb_does_not_have_is_lost(
    client: Client, working: Observation, brisk: None
) -> None:
    unknown = f"{working.taskID[:-1]}9"  # as after the restore of an older backup
    with pytest.raises(LeaseLostError, match=unknown):
        LeaseKeeper(client, unknown, "ingest/run 1").confirm()
    with LeaseKeeper(client, unknown, "ingest/run 1"), pytest.raises(LeaseLostError, match=unknown):
        time.sleep(60)


def test_work_notices_the_loss_of_its_lease_at_the_next_chunk_of_data(
    client: Client, working: Observation, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "REACT_SECONDS", 60.0)
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        client.act(working.taskID, Action.HOLD)
        wait_until_lost(lease)
        with pytest.raises(LeaseLostError, match="on hold"):
            lease.advance(1)


def test_work_that_ends_when_its_lease_is_lost_is_neither_delayed_nor_interrupted(
    client: Client, working: Observation, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "REACT_SECONDS", 20.0)
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        client.act(working.taskID, Action.HOLD)
        wait_until_lost(lease)
        begin = time.monotonic()
    assert time.monotonic() - begin < 10


def test_the_loss_of_a_lease_is_logged_once(
    client: Client, working: Observation, brisk: None, caplog: pytest.LogCaptureFixture
) -> None:
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        client.act(working.taskID, Action.HOLD)
        wait_until_lost(lease)
        with pytest.raises(LeaseLostError):
            lease.check()
        time.sleep(1.0)  # ten times the interval of the renewals
    logged = [message for message in caplog.messages if "stops" in message]
    assert len(logged) == 1
    assert working.taskID in logged[0]


def test_a_signal_does_not_stop_work_that_has_its_lease(client: Client, working: Observation) -> None:
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.1)
        lease.check()


def test_work_in_another_thread_is_not_interrupted(client: Client, working: Observation, brisk: None) -> None:
    former = signal.getsignal(signal.SIGUSR1)
    outcomes: list[str] = []

    def work() -> None:
        with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
            wait_until_lost(lease)
            time.sleep(1.0)  # twice the time allowed for a reaction
            try:
                lease.check()
            except LeaseLostError as lost:
                outcomes.append(str(lost))

    thread = threading.Thread(target=work)
    thread.start()
    client.act(working.taskID, Action.HOLD)
    thread.join(60)
    assert "on hold" in outcomes[0]
    assert signal.getsignal(signal.SIGUSR1) is former


def test_no_renewal_is_in_progress_after_the_work(
    client: Client, working: Observation, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = Client.renew
    begun, ended = threading.Event(), threading.Event()

    def slowly(self: Client, *arguments: Any, **named: Any) -> Any:
        begun.set()
        time.sleep(0.5)
        renewed = renew(self, *arguments, **named)
        ended.set()
        return renewed

    monkeypatch.setattr(Client, "renew", slowly)
    with LeaseKeeper(client, working.taskID, "ingest/run 1"):
        assert begun.wait(60)
    assert ended.is_set()


def test_work_continues_while_atdb_does_not_respond_and_notices_a_later_loss(
    client: Client, working: Observation, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = Client.renew
    refused: list[str] = []

    def unavailable_twice(self: Client, task_id: str, *arguments: Any, **named: Any) -> Any:
        if len(refused) < 2:
            refused.append(task_id)
            raise Unavailable("The database does not respond.")
        return renew(self, task_id, *arguments, **named)

    monkeypatch.setattr(Client, "renew", unavailable_twice)
    with LeaseKeeper(client, working.taskID, "ingest/run 1") as lease:
        deadline = time.monotonic() + 60
        while len(refused) < 2:
            assert time.monotonic() < deadline
            lease.check()
            time.sleep(0.02)
        lease.check()
        client.act(working.taskID, Action.HOLD)
        wait_until_lost(lease)
        with pytest.raises(LeaseLostError, match="on hold"):
            lease.check()
