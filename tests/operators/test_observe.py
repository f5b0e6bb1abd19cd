"""The telescope is started in time, once, and never again while nobody knows what it did."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from werkzeug.serving import make_server

from atdb_interface.client import Client
from atdb_interface.lifecycle import OBSERVE, Status
from atdb_interface.models import Observation
from operators.observe import CompleteOperator, RunOperator, StartOperator
from operators.stage import enter
from standalone.settings import HOST
from standalone.telescope.logbook import Logbook
from standalone.telescope.observing import Telescope
from standalone.telescope.settings import Settings
from standalone.telescope.web import create_app
from tests.conftest import SECRETS, free_ports
from tests.operators.conftest import Context

Observe = Callable[..., Observation]


def use_telescope(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    connection = {"conn_type": "http", "host": f"http://{HOST}:{port}"}
    monkeypatch.setenv("AIRFLOW_CONN_TELESCOPE_DEFAULT", json.dumps(connection))


@pytest.fixture
def logbook(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logbook]:
    """What the simulator knows; it is the one that the connection names."""
    settings = Settings(
        port=0,
        speedup=1,
        product_bytes=1000,
        data_root=tmp_path / "data",
        state=tmp_path / "telescope",
        atdb_url=url,
        atdb_user="service",
        atdb_secret=SECRETS["service"],
    )
    settings.data_root.mkdir()
    settings.state.mkdir()
    kept = Logbook(settings.state)
    telescope = Telescope(settings, kept)
    server = make_server(HOST, 0, create_app(telescope, kept), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    use_telescope(monkeypatch, server.server_port)
    yield kept
    telescope.stop()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def scheduled(observe: Observe) -> Callable[[float], Observation]:
    def make(seconds: float) -> Observation:
        start = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        return observe(Status.SCHEDULED, products=1, starttime=start)

    return make


def last(client: Client, made: Observation) -> tuple[Status, str]:
    now = client.observation(made.taskID)
    return now.my_status, now.status_history[-1].reason


def test_the_telescope_gets_the_parset_and_the_observation_runs(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(30)
    StartOperator(task_id="start").execute(context(made.taskID, "observe"))
    known = logbook.find(made.taskID)
    assert known is not None
    assert f"{made.taskID}_0.fits" in known.parset
    assert last(client, made)[0] is Status.STARTING
    RunOperator(task_id="run").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.RUNNING
    CompleteOperator(task_id="complete").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.RUNNING


def test_past_its_start_an_observation_is_too_late_however_often_it_is_run(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(-90)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="past the start"):
            StartOperator(task_id="start").execute(context(made.taskID, "observe"))
        assert last(client, made)[0] is Status.ERROR_TOO_LATE
    assert logbook.find(made.taskID) is None
    assert len(client.observation(made.taskID).status_history) == 3


def test_a_telescope_that_refuses_is_an_error_with_its_reason(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(30)
    StartOperator(task_id="start").execute(context(made.taskID, "observe"))
    client.move(made.taskID, Status.ERROR_START_OBS, owner="observe/run 1", reason="tried by hand")
    # Run again, it is refused: the telescope has the task, and starts none twice.
    with pytest.raises(AirflowFailException, match="refused"):
        StartOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2))
    status, reason = last(client, made)
    assert status is Status.ERROR_START_OBS
    assert "already" in reason


def test_a_telescope_that_is_silent_is_an_error_and_not_asked_again(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(30)
    asked = []
    with socket.create_server((HOST, 0)) as hangs_up:

        def serve() -> None:
            while True:
                try:
                    connection, _ = hangs_up.accept()
                except OSError:
                    return
                asked.append(connection.recv(10_000))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        use_telescope(monkeypatch, hangs_up.getsockname()[1])
        with pytest.raises(AirflowFailException, match="unknown"):
            StartOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert len(asked) == 1
    status, reason = last(client, made)
    assert status is Status.ERROR_START_OBS
    assert "unknown" in reason


def test_an_interrupted_start_is_not_sent_again(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(30)
    enter(client, OBSERVE, made.taskID, "observe/run 1", reason="try 1 sends the parset")
    with pytest.raises(AirflowFailException, match="interrupted"):
        StartOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert logbook.find(made.taskID) is None
    assert last(client, made)[0] is Status.ERROR_START_OBS


def test_a_start_that_the_telescope_has_taken_is_gone_on_with(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(30)
    StartOperator(task_id="start").execute(context(made.taskID, "observe", try_number=1))
    StartOperator(task_id="start").execute(context(made.taskID, "observe", try_number=2, retries=2))
    assert last(client, made) == (Status.STARTING, "try 1 sends the parset")


def test_another_run_does_not_start_what_one_is_starting(
    client: Client, scheduled: Callable[[float], Observation], context: Context, logbook: Logbook
) -> None:
    made = scheduled(30)
    StartOperator(task_id="start").execute(context(made.taskID, "observe"))
    with pytest.raises(AirflowSkipException):
        StartOperator(task_id="start").execute(context(made.taskID, "observe", run="run 2"))
    with pytest.raises(AirflowSkipException):
        RunOperator(task_id="run").execute(context(made.taskID, "observe", run="run 2"))


def test_a_telescope_that_is_not_there_is_an_error(
    client: Client,
    scheduled: Callable[[float], Observation],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scheduled(30)
    use_telescope(monkeypatch, free_ports(1)[0])
    with pytest.raises(AirflowFailException):
        StartOperator(task_id="start").execute(context(made.taskID, "observe"))
    assert last(client, made)[0] is Status.ERROR_START_OBS
