"""Hostile accounts send many requests to a running ATDB, and nothing that matters changes."""

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
from sqlalchemy import make_url

from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from standalone.rehearsal import hostile
from standalone.rehearsal.data_checker import judge_data
from standalone.rehearsal.evidence import Evidence, Scene
from standalone.rehearsal.hostile import HostileAccounts, HostileRequests
from tests.conftest import SECRETS

REQUESTS = 60


@pytest.fixture
def places(client: Client, observe: Callable[..., Observation]) -> list[str]:
    """Observations of all kinds, of another account."""
    statuses = (Status.SCHEDULED, Status.COMPLETING, Status.CHECKING, Status.RUNNING)
    return [observe(status, products=2).taskID for status in statuses]


def facts(client: Client) -> list[Any]:
    observations = [(each.taskID, each.my_status, each.data_location) for each in client.observations()]
    products = [each.model_dump(exclude={"archive_location"}) for each in client.dataproducts(ordering="id")]
    stages = [(each.stage, each.paused, each.slots, each.delay_seconds) for each in client.stages()]
    return [sorted(observations), products, client.deletion(), stages]


@pytest.mark.parametrize("role", hostile.roles())
def test_no_request_changes_what_matters(
    url: str, database_url: str, client: Client, places: list[str], tmp_path: Path, role: str
) -> None:
    before = facts(client)
    accounts = HostileAccounts(url, {role: (role, SECRETS[role])}, tmp_path, seed=1)
    for _ in range(REQUESTS):
        accounts._send_one(accounts._accounts[0])
    own = [each.taskID for each in client.observations() if each.taskID not in places]
    now = facts(client)
    now[0] = [each for each in now[0] if each[0] not in own]
    assert now == before
    assert accounts.were_answered()
    ((_, answers),) = accounts.answers().items()
    assert answers[500] == 0
    assert sum(number for code, number in answers.items() if 400 <= code < 500) > REQUESTS / 2
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    scene = Scene(plain, tmp_path / "data", tmp_path / "archive", tmp_path / "telescope", tmp_path)
    assert judge_data(Evidence(scene)) == []


def test_requests_are_of_all_kinds(url: str, client: Client, places: list[str]) -> None:
    """Each endpoint with which data could be lost is attacked, with other accounts' owners and with force."""
    role = hostile.roles()[-1]
    with closing(HostileRequests(url, role, SECRETS[role], random.Random(2))) as account:
        target = account.target()
        assert target is not None
        sent = [account.drawn(account._forced(role), target) for _ in range(500)]
    paths = {(method, path.partition("/")[0]) for method, path, _ in sent}
    assert paths >= {
        ("POST", "status"),
        ("PATCH", "observations"),
        ("DELETE", "observations"),
        ("POST", "observations"),
        ("PATCH", "dataproducts"),
        ("POST", "dataproducts"),
        ("DELETE", "dataproducts"),
        ("POST", "leases"),
        ("POST", "claims"),
        ("PATCH", "deletion"),
        ("PATCH", "stages"),
    }
    bodies = [body for _, _, body in sent if isinstance(body, dict)]
    assert any(body.get("force") for body in bodies)
    assert any(body.get("owner") for body in bodies)


def test_it_continues_while_atdb_does_not_respond(tmp_path: Path) -> None:
    over = Event()
    accounts = HostileAccounts("http://127.0.0.1:1", {"viewer": ("viewer", "x")}, tmp_path, seed=1)
    timer = Timer(1.5, over.set)
    timer.start()
    accounts.send(over)
    timer.join()
    assert accounts.answers() == {"viewer": {}}
    assert not accounts.were_answered()
