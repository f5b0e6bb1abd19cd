"""What the accounts of people and programs can do to observations, whose these are, and that no data vanish."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.services import accounts
from atdb_interface.actions import Action
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.errors import Conflict, Forbidden, ForbiddenMove
from atdb_interface.lifecycle import WORKING, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.roles import Role
from atdb_interface.status_kinds import OF_STAGES, REPORTED
from tests.advancing import advance
from tests.conftest import SECRETS, route_to

Observe = Callable[..., Observation]
Open = Callable[[str], Client]
Attempt = tuple[str, str, Any]
OWNER = "ingest/run 1"
SHA = "ab" * 32
REPORTABLE = (Status.COMPLETING, Status.ERROR_NO_COMPLETING)
WRITTEN = (Status.STARTING, Status.RUNNING, Status.COMPLETING, Status.ERROR_NO_COMPLETING)
BEFORE = (Status.DEFINED, Status.SCHEDULED, Status.ERROR_TOO_LATE, Status.ERROR_START_OBS)
#: Statuses in which data exist, or are about to.
WITH_DATA = (
    Status.RUNNING,
    Status.COMPLETING,
    Status.INCOMPLETE,
    Status.VALID,
    Status.ARCHIVED,
    Status.REMOVE_ERROR,
)


@pytest.fixture
def login(url: str) -> Iterator[Open]:
    """Open a client with the account of a role."""
    with ExitStack() as opened:

        def make(role: str) -> Client:
            return opened.enter_context(Client(url, user=role, secret=SECRETS[role], patience=5))

        yield make


@pytest.fixture
def specify(login: Open, client: Client) -> Observe:
    """Create an observation of the account astronomer, and move it to a status."""
    starts = (datetime(2026, 6, 5, 6, tzinfo=UTC) + timedelta(minutes=10 * n) for n in count())

    def make(status: Status = Status.DEFINED, *, products: int = 0, mode: str = "imaging") -> Observation:
        made = login("astronomer").create_observation(
            {
                "field_name": "3C48",
                "observing_mode": mode,
                "field_ra": 1,
                "field_dec": 2,
                "starttime": next(starts).isoformat(),
                "duration": 300,
            }
        )
        if products:
            names = [f"{made.taskID}_{number}.fits" for number in range(products)]
            client.create_dataproducts([{"taskID": made.taskID, "filename": name} for name in names])
        advance(client, made.taskID, route_to(status))
        return client.observation(made.taskID)

    return make


@dataclass(frozen=True)
class State:
    """All that a hostile account could change of an observation."""

    observation: Observation
    products: list[Any]
    leases: list[Any]
    receipts: list[Any]
    deletion: Any
    claims: list[Any]

    @classmethod
    def of(cls, client: Client, task_id: str) -> "State":
        products = sorted(client.dataproducts(taskID=task_id), key=lambda each: each.id)
        return cls(
            client.observation(task_id),
            products,
            list(client.leases(taskID=task_id)),
            list(client.receipts(taskID=task_id)),
            client.deletion(),
            client.open_claims("airflow"),
        )


def moves(made: Observation) -> Iterator[Attempt]:
    """Every way to ask for every other status."""
    for status in set(Status) - {made.my_status}:
        for extra in ({}, {"force": True, "reason": "x"}):
            yield "PATCH", f"observations/{made.id}/", {"new_status": status, **extra}
            yield "PUT", f"observations/{made.id}/", {"new_status": status, **extra}
            yield "POST", "status/", {"taskID": made.taskID, "name": status, **extra}
    for status in Status:
        yield "POST", "status/", {"taskID": made.taskID, "name": status, "owner": OWNER, "lease_seconds": 60}
    for action in Action:
        yield "PATCH", f"observations/{made.id}/", {"action": action, "reason": "x"}


def edits(made: Observation) -> Iterator[Attempt]:
    """Edits of an observation, with those that could lead to other data."""
    for fields in (
        {"data_location": "wcudata2:/elsewhere"},
        {"irods_collection": "another"},
        {"node": "wcudata2"},
        {"options": {"ndps": 7}},
        {"science_mode": "TAB"},
        {"endtime": (made.endtime + timedelta(hours=1)).isoformat()},
        {"starttime": (made.starttime - timedelta(minutes=1)).isoformat()},
        {"skip_auto_ingest": True},
        {"field_name": "another"},
        {"priority": 1000},
    ):
        yield "PATCH", f"observations/{made.id}/", fields
        yield "PUT", f"observations/{made.id}/", fields


def others(made: Observation) -> Iterator[Attempt]:
    """All other requests that could lead to the loss of data, or disturb the work on them."""
    product = made.generated_dataproducts[0]
    filename = f"{made.taskID}_0.fits"
    facts: list[dict[str, Any]] = [
        *({"new_status": status} for status in ProductStatus),
        *({"new_status": status, "force": True, "reason": "x"} for status in ProductStatus),
        *({"size": 1}, {"checksum": SHA}, {"identity": SHA}, {"disk": "x"}, {"archive_copy": "file:///x"}),
        *({"announced_size": 1}, {"announced_checksum": SHA}, {"quality": "bad"}, {"description": "x"}),
    ]
    for fact in facts:
        for owner in ({}, {"owner": OWNER}):
            yield "PATCH", f"dataproducts/{product}/", {**fact, **owner}
            moved = {"taskID": made.taskID, "moves": [{"filename": filename, **fact}], **owner}
            yield "POST", "dataproducts/moves/", moved
    filters = {"taskID": made.taskID}
    yield "DELETE", f"observations/{made.id}/", None
    yield "DELETE", f"dataproducts/{product}/", None
    yield "POST", f"dataproducts/{product}/force_removal/", {"reason": "x"}
    yield "POST", "observations/bulk/", {"filters": filters, "change": {"action": "cancel", "reason": "x"}}
    yield "POST", "dataproducts/bulk/", {"filters": filters, "change": {"quality": "bad"}}
    yield "POST", "claims/", {"id": "mine", "consumer": "airflow", "statuses": [made.my_status]}
    yield "POST", "claims/release/", {"taskIDs": [made.taskID]}
    yield "POST", "leases/", {"taskID": made.taskID, "owner": OWNER, "lease_seconds": 1}
    yield "PATCH", "deletion/", {"allowed": False, "reason": "x"}
    yield "PATCH", "stages/remove/", {"paused": True, "reason": "x"}
    yield "POST", "events/", {"key": "x", "kind": "repair", "detail": "x"}
    yield "POST", "disks/", {"data_host": "wcudata1", "total_bytes": 2, "free_bytes": 1}


def refused(url: str, role: str, attempts: Iterator[Attempt]) -> set[int]:
    """Send requests that must all be refused, and return the statuses of the answers."""
    codes = set()
    with httpx.Client(base_url=f"{url}/atdb", auth=(role, SECRETS[role]), timeout=30) as http:
        for method, path, body in attempts:
            answer = http.request(method, f"/{path}", json=body)
            assert answer.status_code in (403, 409), (role, method, path, body, answer.text)
            assert answer.json()["detail"], (role, method, path, body)
            codes.add(answer.status_code)
    return codes


def start_work(worker: Client, client: Client, made: Observation) -> None:
    """Hold a lease on an observation that can be ingested, as a stage does."""
    if made.my_status is Status.VALID:
        worker.move(made.taskID, Status.INGESTING, owner=OWNER, lease_seconds=600)
    client.claim(ClaimRequest(id=f"of {made.taskID}", consumer="airflow", statuses=[Status.ARCHIVED]))


@pytest.mark.parametrize("status", WITH_DATA)
def test_an_astronomer_cannot_make_data_vanish(
    url: str, client: Client, worker: Client, observe: Observe, specify: Observe, status: Status
) -> None:
    """Of the observation of another account all is a 403; of an own one after its start a 403 or 409."""
    for found, own in ((observe(status, products=2), False), (specify(status, products=2), True)):
        start_work(worker, client, found)
        made = client.observation(found.taskID)
        before = State.of(client, made.taskID)
        new = {"taskID": made.taskID, "filename": "another.fits"}
        attempts = [*moves(made), *others(made), ("POST", "dataproducts/", new)]
        refused(url, "astronomer", iter(attempts))
        assert refused(url, "astronomer", edits(made)) == ({409} if own else {403})
        assert State.of(client, made.taskID) == before


@pytest.mark.parametrize("status", WITH_DATA)
def test_the_telescope_cannot_make_data_vanish(
    url: str, client: Client, worker: Client, observe: Observe, status: Status
) -> None:
    made = observe(status, products=2)
    start_work(worker, client, made)
    made = client.observation(made.taskID)
    before = State.of(client, made.taskID)
    attempts = [*moves(made), *edits(made), *others(made)]
    if made.my_status is Status.RUNNING:  # the only status from which it reports
        attempts = [each for each in attempts if not is_report(each)]
    refused(url, "telescope", iter(attempts))
    if made.my_status not in WRITTEN:
        new = {"taskID": made.taskID, "filename": "another.fits"}
        assert refused(url, "telescope", iter([("POST", "dataproducts/", new)])) == {409}
    assert State.of(client, made.taskID) == before


def is_report(attempt: Attempt) -> bool:
    _, _, body = attempt
    new_status = (body or {}).get("new_status") or (body or {}).get("name")
    return new_status in REPORTABLE and not {"force", "owner"} & (body or {}).keys()


@pytest.mark.parametrize("status", WITH_DATA)
def test_a_pipeline_cannot_operate(url: str, client: Client, observe: Observe, status: Status) -> None:
    made = observe(status, products=1)
    before = State.of(client, made.taskID)
    decisions = [
        ("PATCH", f"observations/{made.id}/", {"new_status": target})
        for target in (Status.ON_HOLD, Status.ABORTED)
    ]
    actions = [("PATCH", f"observations/{made.id}/", {"action": each, "reason": "x"}) for each in Action]
    bulk = {"filters": {"taskID": made.taskID}, "change": {"action": "hold", "reason": "x"}}
    attempts: list[Attempt] = [
        *decisions,
        *actions,
        *edits(made),
        ("DELETE", f"observations/{made.id}/", None),
        ("DELETE", f"dataproducts/{made.generated_dataproducts[0]}/", None),
        ("POST", f"dataproducts/{made.generated_dataproducts[0]}/force_removal/", {"reason": "x"}),
        ("POST", "observations/bulk/", bulk),
        ("PATCH", "deletion/", {"allowed": False, "reason": "x"}),
        ("POST", "observations/", {"field_name": "x", "observing_mode": "imaging"}),
    ]
    assert refused(url, "pipeline", iter(attempts)) == {403}
    assert State.of(client, made.taskID) == before


def test_a_pipeline_retries_but_does_not_decide_for_an_operator(login: Open, observe: Observe) -> None:
    pipeline = login("pipeline")
    failed, decided, held = observe(Status.INGEST_ERROR), observe(Status.COMPLETED), observe(Status.ON_HOLD)
    pipeline.move(failed.taskID, Status.VALID)
    archived = observe(Status.ARCHIVED)
    for made, target in (
        (decided, Status.VALID),
        (archived, Status.COMPLETING),
        (held, Status.DEFINED),
    ):
        with pytest.raises(ForbiddenMove, match="this is the decision of an operator"):
            pipeline.move(made.taskID, target)
    with pytest.raises(Forbidden, match="Only operators and its astronomer stop an observation"):
        pipeline.move(archived.taskID, Status.ON_HOLD)


def test_every_step_of_the_lifecycle_but_decisions_is_open_to_a_pipeline() -> None:
    assert (Status.INGEST_ERROR, Status.VALID) in OF_STAGES
    assert not {target for _, target in OF_STAGES} & {Status.ON_HOLD, Status.ABORTED}
    assert not {(Status.COMPLETED, Status.VALID), (Status.ARCHIVED, Status.COMPLETING)} & OF_STAGES
    assert set(WORKING) <= {target for _, target in OF_STAGES}
    assert {(Status.RUNNING, each) for each in REPORTABLE} == REPORTED


@pytest.mark.parametrize("status", BEFORE)
def test_an_astronomer_changes_and_withdraws_an_observation_before_it_starts(
    login: Open, client: Client, specify: Observe, status: Status
) -> None:
    ada = login("astronomer")
    made = specify(status)
    assert made.created_by == "astronomer"
    later = (made.starttime + timedelta(minutes=3)).isoformat()
    end = (made.endtime + timedelta(minutes=5)).isoformat()
    changed = ada.change_observation(made.id, field_ra=12.5, starttime=later, endtime=end, reason="moved")
    assert (changed.field_ra, changed.my_status) == (12.5, status)
    (edit,) = [each for each in client.changes(taskID=made.taskID) if each.action == "edited"]
    assert edit.actor == "astronomer"
    ada.act(made.taskID, Action.CANCEL, reason="not needed")
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.actor, last.reason) == ("aborted", "astronomer", "not needed")


def test_each_way_to_withdraw_is_open_to_the_astronomer_alone(
    app: Flask, url: str, login: Open, client: Client, specify: Observe
) -> None:
    with app.app_context(), transaction() as session:
        accounts.put(session, "bob", role=Role.ASTRONOMER, password="secret-of-bob-in-these-tests", actor="tests")
    ada, bodies = login("astronomer"), []
    for kind in ("status", "patch", "action"):
        made = specify(Status.SCHEDULED)
        bodies.append(
            {
                "status": ("POST", "status/", {"taskID": made.taskID, "name": "aborted"}),
                "patch": ("PATCH", f"observations/{made.id}/", {"new_status": "aborted"}),
                "action": ("PATCH", f"observations/{made.id}/", {"action": "cancel"}),
            }[kind]
        )
        with Client(url, user="bob", secret="secret-of-bob-in-these-tests") as bob:
            with pytest.raises(Forbidden, match="belongs to astronomer, so bob cannot change it"):
                bob.act(made.taskID, Action.CANCEL, reason="mine now")
            with pytest.raises(Forbidden, match="belongs to astronomer"):
                bob.change_observation(made.id, field_ra=1)
    with httpx.Client(base_url=f"{url}/atdb", auth=("astronomer", SECRETS["astronomer"])) as http:
        for method, path, body in bodies:
            assert http.request(method, f"/{path}", json=body).status_code in (200, 201)
    assert {each.my_status for each in client.observations()} == {Status.ABORTED}
    assert ada.count_observations(created_by="astronomer") == 3


def test_an_observation_on_hold_before_its_start_can_be_withdrawn_and_a_later_one_not(
    login: Open, client: Client, specify: Observe
) -> None:
    ada, early, late = login("astronomer"), specify(Status.SCHEDULED), specify(Status.VALID)
    for made in (early, late):
        client.act(made.taskID, Action.HOLD, reason="wind")
        with pytest.raises(Forbidden, match="requires the role operator or admin; astronomer has astronomer"):
            ada.act(made.taskID, Action.RESUME, reason="the wind has ended")
    assert ada.act(early.taskID, Action.CANCEL, reason="x").my_status is Status.ABORTED
    with pytest.raises(Conflict, match=r"cannot change .* because it is on hold") as refusal:
        ada.act(late.taskID, Action.CANCEL, reason="x")
    assert refusal.value.extra["my_status"] == "on hold"


def test_after_specify_an_astronomer_cannot_change_where_the_data_are(
    login: Open, client: Client, specify: Observe
) -> None:
    ada, made = login("astronomer"), specify(mode="arts_sc1_timing")
    ada.change_observation(made.id, data_location="arts001:/data/mine", options={"ndps": 2})
    names = [f"ARTS{made.taskID}_00{number}.fits" for number in range(2)]
    client.create_dataproducts([{"taskID": made.taskID, "filename": name} for name in names])
    client.move(made.taskID, Status.SCHEDULED)
    for fields in (
        {"data_location": "arts001:/data"},
        {"irods_collection": "another"},
        {"node": "arts002"},
        {"options": {"ndps": 3}},
        {"options": {"ndps": 1}},
    ):
        with pytest.raises(Conflict, match=r"Cannot change which data products .*Withdraw it"):
            ada.change_observation(made.id, **fields)
    same = ada.change_observation(
        made.id, data_location="arts001:/data/mine", options={"ndps": 2, "process_triggers": 1}
    )
    assert same.options == {"ndps": 2, "process_triggers": 1}
    assert client.change_observation(made.id, irods_collection="another").irods_collection == "another"


@pytest.mark.parametrize("status", [Status.COMPLETING, Status.ERROR_NO_COMPLETING])
def test_the_telescope_reports_how_an_observation_ended(login: Open, observe: Observe, status: Status) -> None:
    telescope, made = login("telescope"), observe(Status.RUNNING)
    telescope.move(made.taskID, status, expect=[Status.RUNNING], reason="it ended")
    telescope.move(made.taskID, status)  # the same report again
    assert telescope.observation(made.taskID).my_status is status
    with pytest.raises(ForbiddenMove) as refusal:
        telescope.move(made.taskID, ({*REPORTABLE} - {status}).pop())
    assert refusal.value.extra["my_status"] == status


@pytest.mark.parametrize("status", list(Status))
def test_the_telescope_adds_products_while_it_has_the_observation(
    login: Open, client: Client, observe: Observe, status: Status
) -> None:
    telescope, made = login("telescope"), observe(status)
    if status in WRITTEN:
        telescope.create_dataproducts([{"taskID": made.taskID, "filename": "new.fits", "size": 7}])
    else:
        with pytest.raises(Conflict, match=f"telescope cannot add data products to {made.taskID}") as refusal:
            telescope.create_dataproducts([{"taskID": made.taskID, "filename": "new.fits"}])
        assert refusal.value.extra["my_status"] == status
    added = [each.filename for each in client.dataproducts(taskID=made.taskID) if each.filename == "new.fits"]
    assert added == (["new.fits"] if status in WRITTEN else [])


def test_the_telescope_sends_heartbeats(login: Open, client: Client) -> None:
    login("telescope").sign_of_life("telescope", detail="idle")
    assert [each.name for each in client.services()] == ["telescope"]
    with pytest.raises(Forbidden, match="requires the role telescope, pipeline, operator or admin"):
        login("astronomer").sign_of_life("telescope", detail="idle")
