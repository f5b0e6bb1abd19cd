"""Airflow hears what waits, and shows that it listens."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.models import Observation
from atdb_plugins.triggers import atdb as triggers
from atdb_plugins.triggers.atdb import LISTENER, WaitingTrigger
from operators.listen import ListenSensor
from tests.conftest import SECRETS
from tests.operators.conftest import Context
from tests.operators.triggering import fires

Observe = Callable[..., Observation]


@pytest.fixture
def trigger(context: Context) -> WaitingTrigger:
    arguments = ListenSensor(task_id="listen").start_trigger_args
    assert arguments
    assert arguments.trigger_kwargs
    return WaitingTrigger(**arguments.trigger_kwargs)


def test_who_listens_gives_signs_of_life_and_hears_what_waits(
    client: Client, observe: Observe, trigger: WaitingTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "SIGN_OF_LIFE_SECONDS", 0.2)
    began = datetime.now(UTC)
    assert fires(trigger, 6) is None
    [service] = client.services()
    assert service.name == LISTENER
    assert Status.VALID in service.statuses
    assert service.last_seen > began + timedelta(seconds=1)
    observe(Status.VALID)
    assert fires(trigger, 30).payload == 1


def test_without_leave_to_give_signs_of_life_it_hears_what_waits_all_the_same(
    client: Client, url: str, observe: Observe, trigger: WaitingTrigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"conn_type": "atdb", "host": url, "login": "viewer", "password": SECRETS["viewer"]}
    monkeypatch.setenv("AIRFLOW_CONN_ATDB_DEFAULT", json.dumps(login))
    assert fires(trigger, 2) is None
    observe(Status.VALID)
    assert fires(trigger, 30).payload == 1
    assert list(client.services()) == []
