"""Requests that race: the second one is judged by what the first one has committed, and no change is lost.

Each race is certain, because both requests wait for a lock that the test holds.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.services import dataproducts, observations
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct, ProductMove
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from tests.api.racing import lock_held, observation_held
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]
#: Send a request as an operator when it is called.
Ask = Callable[..., Callable[[], httpx.Response]]
#: The first quality of a product, to which the second request of a race sets it back.
UNSEEN = "not looked at"


@pytest.fixture
def ask(url: str) -> Ask:
    def prepare(method: str, path: str, body: Any = None, **headers: str) -> Callable[[], httpx.Response]:
        return lambda: httpx.request(
            method,
            f"{url}/atdb/{path}",
            json=body,
            headers=headers,
            auth=("operator", SECRETS["operator"]),
            timeout=30,
        )

    return prepare


@pytest.fixture
def product(client: Client, observe: Observe) -> tuple[str, int]:
    """The taskID and the id of a data product whose quality is UNSEEN."""
    made = observe(products=1)
    (only,) = client.dataproducts(taskID=made.taskID)
    client.change_dataproduct(only.id, quality=UNSEEN)
    return made.taskID, only.id


def qualities(client: Client, task_id: str) -> list[Any]:
    """Return the old and the new quality of each edit after the first."""
    return [change.fields["quality"] for change in client.changes(taskID=task_id)][1:]


def test_a_status_that_was_read_before_another_change_allows_no_step(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    made = observe(Status.VALID)
    path = f"observations/{made.id}/"
    with observation_held(owner_url, made.taskID) as queue:
        hold = queue.send(ask("PATCH", path, {"new_status": "on hold", "reason": "storm"}))
        begin = queue.send(ask("PATCH", path, {"new_status": "ingesting"}))
        queue.release()
        assert hold.result().status_code == 200
        assert (begin.result().status_code, begin.result().json()["my_status"]) == (409, "on hold")
    steps = [step.name for step in client.observation(made.taskID).status_history]
    assert steps == [*(step.name for step in made.status_history), "on hold"]


def test_an_edit_of_an_observation_is_compared_with_what_another_edit_has_set(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    made = observe(Status.VALID)
    path = f"observations/{made.id}/"
    with observation_held(owner_url, made.taskID) as queue:
        raised = queue.send(ask("PATCH", path, {"priority": 5}))
        lowered = queue.send(ask("PATCH", path, {"priority": 0}))
        queue.release()
        assert (raised.result().json()["priority"], lowered.result().json()["priority"]) == (5, 0)
    assert client.observation(made.taskID).priority == 0
    edits = [change.fields["priority"] for change in client.changes(taskID=made.taskID, dataproduct__isnull=True)]
    assert edits == [(0, 5), (5, 0)]


def test_a_row_that_the_transaction_has_read_before_is_read_again_under_its_lock(
    app: Flask, client: Client, product: tuple[str, int]
) -> None:
    task_id, product_id = product
    made = client.observation(task_id)
    with app.app_context(), transaction() as session:
        observation, read = observations.get(session, made.id), dataproducts.get(session, product_id)
        client.change_observation(made.id, priority=5)
        client.change_dataproduct(product_id, quality="good")
        assert (observation.priority, read.quality) == (0, UNSEEN)
        assert observations.lock(session, made.id).priority == 5
        assert dataproducts.lock(session, product_id).quality == "good"


def test_an_observation_that_has_started_meanwhile_is_not_deleted(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    made = observe(Status.SCHEDULED)
    path = f"observations/{made.id}/"
    with observation_held(owner_url, made.taskID) as queue:
        started = queue.send(ask("PATCH", path, {"new_status": "starting"}))
        deleted = queue.send(ask("DELETE", path))
        queue.release()
        assert (started.result().status_code, deleted.result().status_code) == (200, 409)
    assert client.observation(made.taskID).my_status is Status.STARTING


def test_an_edit_of_a_product_is_compared_with_what_another_edit_has_set(
    client: Client, product: tuple[str, int], owner_url: str, ask: Ask
) -> None:
    task_id, product_id = product
    path = f"dataproducts/{product_id}/"
    with observation_held(owner_url, task_id) as queue:
        rated = queue.send(ask("PATCH", path, {"quality": "good"}))
        undone = queue.send(ask("PATCH", path, {"quality": UNSEEN}))
        queue.release()
        assert (rated.result().json()["quality"], undone.result().json()["quality"]) == ("good", UNSEEN)
    assert qualities(client, task_id) == [(UNSEEN, "good"), ("good", UNSEEN)]


def test_a_product_that_has_become_valid_meanwhile_is_not_deleted(
    client: Client, product: tuple[str, int], owner_url: str, ask: Ask
) -> None:
    task_id, product_id = product
    path = f"dataproducts/{product_id}/"
    with observation_held(owner_url, task_id) as queue:
        valid = queue.send(ask("PATCH", path, {"new_status": "valid", "force": True, "reason": "found it"}))
        deleted = queue.send(ask("DELETE", path))
        queue.release()
        assert (valid.result().status_code, deleted.result().status_code) == (200, 409)
    assert [each.my_status for each in client.dataproducts(taskID=task_id)] == ["valid"]


def test_moves_of_products_wait_for_each_other(
    client: Client, product: tuple[str, int], owner_url: str, ask: Ask
) -> None:
    task_id, _ = product

    def rate(quality: str) -> Callable[[], httpx.Response]:
        moves = [{"filename": f"{task_id}_0.fits", "quality": quality}]
        return ask("POST", "dataproducts/moves/", {"taskID": task_id, "moves": moves})

    with observation_held(owner_url, task_id) as queue:
        answers = [queue.send(rate("good")), queue.send(rate(UNSEEN))]
        queue.release()
        assert [answer.result().status_code for answer in answers] == [200, 200]
    assert qualities(client, task_id) == [(UNSEEN, "good"), ("good", UNSEEN)]


def test_two_requests_cannot_both_create_the_same_product(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    task_id = observe().taskID
    new = {"taskID": task_id, "filename": "B000.MS"}
    with observation_held(owner_url, task_id) as queue:
        answers = [queue.send(ask("POST", "dataproducts/", new)) for _ in range(2)]
        queue.release()
        first, second = (answer.result() for answer in answers)
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["detail"] == f"Observation {task_id} already has a data product B000.MS."
    assert client.count_dataproducts(taskID=task_id) == 1


def test_a_bulk_change_is_refused_if_a_status_changes_while_it_waits(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    made = [observe(Status.VALID) for _ in range(2)]
    bulk = {"filters": {"observing_mode": "imaging"}, "change": {"priority": 5}}
    token = ask("POST", "observations/bulk/", bulk)().json()["token"]
    with observation_held(owner_url, made[0].taskID) as queue:
        hold = queue.send(ask("PATCH", f"observations/{made[0].id}/", {"new_status": "on hold", "reason": "rain"}))
        raised = queue.send(ask("POST", "observations/bulk/", bulk | {"token": token}))
        queue.release()
        assert hold.result().status_code == 200
        assert (raised.result().status_code, raised.result().json()["type"]) == (409, "urn:atdb:error:SetChanged")
    assert [client.observation(each.taskID).priority for each in made] == [0, 0]


def test_a_bulk_change_of_observations_is_compared_with_what_another_edit_has_set(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    made = observe(Status.VALID)
    bulk = {"filters": {"observing_mode": "imaging"}, "change": {"priority": 0}}
    token = ask("POST", "observations/bulk/", bulk)().json()["token"]
    with observation_held(owner_url, made.taskID) as queue:
        raised = queue.send(ask("PATCH", f"observations/{made.id}/", {"priority": 5}))
        lowered = queue.send(ask("POST", "observations/bulk/", bulk | {"token": token}))
        queue.release()
        assert raised.result().json()["priority"] == 5
        assert lowered.result().json()["verdicts"] == {"changed": 1}
    edits = [change.fields["priority"] for change in client.changes(taskID=made.taskID, dataproduct__isnull=True)]
    assert edits == [(0, 5), (5, 0)]


def test_a_bulk_change_of_products_is_compared_with_what_another_edit_has_set(
    client: Client, product: tuple[str, int], owner_url: str, ask: Ask
) -> None:
    task_id, product_id = product
    bulk = {"filters": {"taskID": task_id}, "change": {"quality": UNSEEN}}
    token = ask("POST", "dataproducts/bulk/", bulk)().json()["token"]
    with observation_held(owner_url, task_id) as queue:
        rated = queue.send(ask("PATCH", f"dataproducts/{product_id}/", {"quality": "good"}))
        undone = queue.send(ask("POST", "dataproducts/bulk/", bulk | {"token": token}))
        queue.release()
        assert rated.result().json()["quality"] == "good"
        assert undone.result().json()["verdicts"] == {"changed": 1}
    assert qualities(client, task_id) == [(UNSEEN, "good"), ("good", UNSEEN)]


def test_a_product_moves_by_its_name_only_with_its_own_observation(client: Client, observe: Observe) -> None:
    task_ids = [observe().taskID for _ in range(2)]
    client.create_dataproducts(
        [
            NewDataProduct(taskID=task_id, filename="B000.MS", data_location=f"wcudata1:/data/{task_id}")
            for task_id in task_ids
        ]
    )
    for task_id in task_ids:
        (moved,) = client.move_products(task_id, [ProductMove(filename="B000.MS", quality=f"that of {task_id}")])
        (own,) = client.dataproducts(taskID=task_id)
        assert (moved.id, own.quality) == (own.id, f"that of {task_id}")


# Claims.


def claimed(ask: Ask, claim_id: str, **more: Any) -> Callable[[], list[str]]:
    """Return a request that claims observations for ingest; its result are the taskIDs."""
    body = {"id": claim_id, "consumer": "test", "statuses": ["valid"], **more}
    post = ask("POST", "claims/", body)

    def send() -> list[str]:
        answer = post()
        assert answer.status_code == 200, answer.text
        return [task["taskID"] for task in answer.json()["tasks"]]

    return send


#: A claim with this id has been made, but not committed: another one with the same id waits before it ends.
UNCOMMITTED_CLAIM = "insert into claims (id, consumer, expires_at, tasks) values ('c1', 'other', now(), '[]')"


def test_a_claim_that_is_repeated_at_once_gets_the_same_answer(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    first, second = (observe(Status.VALID).taskID for _ in range(2))
    with lock_held(owner_url, "select from stages where stage = 'ingest' for update") as queue:
        answers = [queue.send(claimed(ask, "c1", limit=1)) for _ in range(2)]
        queue.release()
        assert [answer.result() for answer in answers] == [[first], [first]]
    assert client.observation(second).claimed_until is None


def test_claims_at_once_share_the_slots_of_a_stage(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    first, second = (observe(Status.VALID).taskID for _ in range(2))
    client.change_stage(Actor.INGEST, slots=1)
    with lock_held(owner_url, UNCOMMITTED_CLAIM) as queue:
        answers = [queue.send(claimed(ask, "c1")), queue.send(claimed(ask, "c2"))]
        queue.release()
        assert [answer.result() for answer in answers] == [[first], []]
    assert client.observation(second).claimed_until is None


def test_claims_at_once_of_a_stage_without_slots_do_not_wait_for_each_other(
    observe: Observe, owner_url: str, ask: Ask
) -> None:
    first, second = (observe(Status.VALID).taskID for _ in range(2))
    with lock_held(owner_url, UNCOMMITTED_CLAIM) as queue:
        waits = queue.send(claimed(ask, "c1", limit=1))
        assert claimed(ask, "c2")() == [second]
        queue.release()
        assert waits.result() == [first]


def test_a_claim_skips_an_observation_that_another_request_is_changing(
    observe: Observe, owner_url: str, ask: Ask
) -> None:
    first, second = (observe(Status.VALID).taskID for _ in range(2))
    with observation_held(owner_url, first):
        assert claimed(ask, "c1", limit=1)() == [second]
    assert claimed(ask, "c2", limit=1)() == [first]


def test_a_claim_does_not_wait_for_a_change_of_another_stage(observe: Observe, owner_url: str, ask: Ask) -> None:
    task_id = observe(Status.VALID).taskID
    with lock_held(owner_url, "select from stages where stage = 'remove' for update"):
        assert claimed(ask, "c1")() == [task_id]


def test_a_pause_releases_the_claims_that_are_being_made(
    client: Client, observe: Observe, owner_url: str, ask: Ask
) -> None:
    task_id = observe(Status.VALID).taskID
    with lock_held(owner_url, UNCOMMITTED_CLAIM) as queue:
        answer = queue.send(claimed(ask, "c1"))
        pause = queue.send(ask("PATCH", "stages/ingest/", {"paused": True, "reason": "disk replacement"}))
        queue.release()
        assert answer.result() == [task_id]
        assert pause.result().status_code == 200
    assert client.observation(task_id).claimed_until is None


def test_of_two_pauses_at_once_the_first_stays(client: Client, owner_url: str, ask: Ask) -> None:
    with lock_held(owner_url, "select from stages where stage = 'ingest' for update") as queue:
        for reason in ("disk replacement", "me too"):
            queue.send(ask("PATCH", "stages/ingest/", {"paused": True, "reason": reason}))
        queue.release()
    (stage,) = client.stages(stage="ingest")
    assert stage.pause_reason == "disk replacement"


def test_a_release_does_not_count_what_has_begun_meanwhile(observe: Observe, owner_url: str, ask: Ask) -> None:
    made = observe(Status.VALID)
    assert claimed(ask, "c1")() == [made.taskID]
    with observation_held(owner_url, made.taskID) as queue:
        begun = queue.send(ask("PATCH", f"observations/{made.id}/", {"new_status": "ingesting"}))
        released = queue.send(ask("POST", "claims/release/", {"taskIDs": [made.taskID], "claim": "c1"}))
        queue.release()
        assert (begun.result().status_code, released.result().json()) == (200, {"released": 0})


# The Idempotency-Key.


def test_a_post_that_is_repeated_at_once_acts_once(client: Client, owner_url: str, ask: Ask) -> None:
    specification = {
        "field_name": "3C48",
        "observing_mode": "imaging",
        **COORDINATES,
        "starttime": "2019-04-05T12:00:00Z",
        "duration": 60,
    }
    post = ask("POST", "observations/", specification, **{"Idempotency-Key": "one"})
    # The number of the day's last taskID is not committed yet, so the first request waits for it.
    with lock_held(owner_url, "insert into task_days (day, last_number) values ('2019-04-05', 6)") as queue:
        answers = [queue.send(post) for _ in range(2)]
        queue.release()
        first, second = (answer.result() for answer in answers)
    assert (first.status_code, first.json()["taskID"]) == (201, "190405001")
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert client.count_observations() == 1
