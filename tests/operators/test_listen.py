"""The trigger of listen, as Airflow's triggerer runs it, on a real ATDB and a real Airflow API."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import TaskSuccessEvent

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_plugins.stage_dags import DAG_OF
from atdb_plugins.triggers import listen
from atdb_plugins.triggers.atdb import WaitingTrigger
from atdb_plugins.triggers.listen import LISTENER, ObservationDispatchTrigger
from operators.listen import DispatchObservationsOperator
from standalone.settings import HOST
from tests.airflow_serving import Airflow
from tests.conftest import SECRETS, free_ports
from tests.operators.contexts import Context
from tests.operators.triggering import fires

pytestmark = pytest.mark.timeout(600)
Observe = Callable[..., Observation]


@pytest.fixture
def trigger(
    context: Context, airflow_server: Airflow, monkeypatch: pytest.MonkeyPatch
) -> ObservationDispatchTrigger:
    use_airflow(monkeypatch, airflow_server.url, airflow_server.listen_password)
    arguments = DispatchObservationsOperator(task_id="listen").start_trigger_args
    assert arguments
    assert arguments.trigger_kwargs
    return ObservationDispatchTrigger(**arguments.trigger_kwargs)


def use_airflow(monkeypatch: pytest.MonkeyPatch, url: str, password: str) -> None:
    login = {"conn_type": "http", "host": url, "login": "listen", "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_LISTEN", json.dumps(login))


@pytest.fixture
def made(observe: Observe) -> Observation:
    return observe(Status.VALID, starttime="2011-04-05T06:00:00Z")


def test_what_waits_gets_a_run_while_heartbeats_are_sent(
    client: Client, made: Observation, trigger: ObservationDispatchTrigger, airflow_server: Airflow
) -> None:
    began = datetime.now(UTC)
    assert fires(trigger, 8) is None
    assert airflow_server.runs_of(made.taskID) == {f"{made.taskID}-ingest-1": "queued"}
    [service] = client.services()
    assert (service.name, service.troubles) == (LISTENER, {})
    assert set(service.statuses) == set(DAG_OF)
    assert service.last_seen >= began - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("is_up", "password", "reason"),
    [(True, "wrong", "does not accept the login of listen (HTTP 401)"), (False, "x", "did not respond")],
)
def test_an_airflow_that_refuses_or_does_not_respond_is_reported(
    is_up: bool,
    password: str,
    reason: str,
    client: Client,
    made: Observation,
    trigger: ObservationDispatchTrigger,
    airflow_server: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = airflow_server.url if is_up else f"http://{HOST}:{free_ports(1)[0]}"
    use_airflow(monkeypatch, url, password)
    assert fires(trigger, 8) is None
    [service] = client.services()
    assert reason in service.troubles[Status.VALID].reason
    assert "airflow listen has been unable to begin ingest since" in client.why(made.taskID).why
    assert reason in client.why(made.taskID).why
    assert client.observation(made.taskID).claimed_until is None


@pytest.mark.parametrize("missing", ["AIRFLOW_CONN_AIRFLOW_LISTEN", "AIRFLOW_CONN_ATDB_DEFAULT"])
def test_no_exception_leaves_it(
    missing: str,
    trigger: ObservationDispatchTrigger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(missing)
    assert fires(trigger, 5) is None
    assert "listen starts again" in capsys.readouterr().out


def test_an_account_that_atdb_refuses_dispatches_nothing_and_continues(
    url: str,
    client: Client,
    made: Observation,
    trigger: ObservationDispatchTrigger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = {"conn_type": "atdb", "host": url, "login": "viewer", "password": SECRETS["viewer"]}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))
    assert fires(trigger, 5) is None
    assert client.observation(made.taskID).claimed_until is None


def test_its_run_ends_each_day_without_a_worker(
    trigger: ObservationDispatchTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ending_in(monkeypatch, 3):
        began = time.monotonic()
        assert isinstance(fires(trigger, 60), TaskSuccessEvent)
        assert time.monotonic() - began > 2.5
    noon = datetime(2026, 4, 5, listen.ENDS_AT_HOUR + 1, tzinfo=UTC)
    assert listen._seconds_until_end(noon) == 23 * 3600
    assert listen._seconds_until_end(noon - timedelta(hours=2)) == 3600


@contextmanager
def ending_in(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(listen, "_seconds_until_end", lambda _: seconds)
        yield


def test_its_arguments_hold_nothing_that_a_setting_may_change(trigger: ObservationDispatchTrigger) -> None:
    path, arguments = trigger.serialize()
    assert path == "atdb_plugins.triggers.listen.ObservationDispatchTrigger"
    assert arguments == {"atdb_conn_id": "atdb_default", "airflow_conn_id": "airflow_listen"}


def test_the_trigger_of_the_version_before_ends_its_run_at_once() -> None:
    frozen: dict[str, Any] = {"atdb_conn_id": "atdb_default", "statuses": ["valid"], "poll_seconds": 0.5}
    assert isinstance(fires(WaitingTrigger(**frozen), 5), TaskSuccessEvent)
    assert WaitingTrigger(**frozen).serialize() == ("atdb_plugins.triggers.atdb.WaitingTrigger", frozen)
    DispatchObservationsOperator(task_id="listen").execute_complete(
        {}, 3
    )  # its trigger had fired, and a worker runs it now


def test_without_a_triggerer_it_fails_and_says_what_to_do(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="triggerer"):
        DispatchObservationsOperator(task_id="listen").execute(context("", "listen"))
