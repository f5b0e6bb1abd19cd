"""Transitions: forced moves, races, and the record of changes."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, BadRequest, ForbiddenMove
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]


def test_an_operator_forces_a_move_and_history_marks_it(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    with pytest.raises(ForbiddenMove):
        client.move(made.taskID, Status.RUNNING, reason="the data writer restarted")
    forced = client.move(made.taskID, Status.RUNNING, reason="the data writer restarted", force=True)
    assert (forced.forced, forced.previous, forced.reason) == (True, "valid", "the data writer restarted")
    assert client.observation(made.taskID).my_status is Status.RUNNING
    history = client.observation(made.taskID).status_history
    assert [step.forced for step in history] == [False] * (len(history) - 1) + [True]


def test_a_forced_move_that_the_lifecycle_allows_is_not_marked(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    assert not client.move(made.taskID, Status.ON_HOLD, reason="thunderstorm", force=True).forced


def test_to_force_needs_a_reason(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    with pytest.raises(BadRequest, match="reason"):
        client.change_observation(made.id, new_status="running", force=True, reason=" ")
    assert client.observation(made.taskID) == made


def test_a_forced_move_takes_the_work_from_its_owner(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    client.move(made.taskID, Status.INGESTING, owner="ingest/1", lease_seconds=600)
    client.move(made.taskID, Status.VALID, force=True, reason="its machine is gone")
    assert list(client.leases(taskID=made.taskID)) == []


def test_a_product_is_forced_too(client: Client, observe: Observe) -> None:
    made = observe(products=1)
    (product,) = client.dataproducts(taskID=made.taskID)
    with pytest.raises(ForbiddenMove):
        client.change_dataproduct(product.id, new_status="ingest error")
    client.change_dataproduct(product.id, new_status="ingest error", force=True, reason="looked by hand")
    (after,) = client.dataproducts(taskID=made.taskID)
    assert (after.my_status, after.status_history[-1].forced) == (ProductStatus.INGEST_ERROR, True)


@pytest.mark.timeout(600)
def test_of_64_clients_that_race_to_move_one_observation_one_wins(
    url: str, client: Client, observe: Observe
) -> None:
    made = observe(Status.VALID)
    barrier = threading.Barrier(64)

    def race(racer: Client, number: int) -> str:
        barrier.wait()
        try:
            racer.move(made.taskID, Status.INGESTING, expect=[Status.VALID], owner=f"run/{number}")
        except AtdbError as lost:
            return f"{lost.status}, as it is {lost.extra['my_status']}"
        return "won"

    with ThreadPoolExecutor(64) as pool, ExitStack() as opened:
        racers = [
            opened.enter_context(Client(url, user="pipeline", secret=SECRETS["pipeline"])) for _ in range(64)
        ]
        for _ in range(50):
            outcomes = Counter(pool.map(race, racers, range(64)))
            assert outcomes == {"won": 1, "409, as it is ingesting": 63}
            client.move(made.taskID, Status.VALID, force=True, reason="once more")
    history = client.observation(made.taskID).status_history
    assert len(history) == len(made.status_history) + 100
    assert all(after.previous == before.name for before, after in pairwise(history))


@pytest.mark.timeout(600)
def test_16_clients_at_once_leave_no_gap_in_the_taskids(url: str, client: Client) -> None:
    def submit(writer: int) -> list[str]:
        with Client(url, user="astronomer", secret=SECRETS["astronomer"]) as one:
            return [
                one.create_observation(
                    {
                        "field_name": f"{writer}/{number}",
                        "observing_mode": "imaging",
                        **COORDINATES,
                        "starttime": "2019-04-05T12:00:00Z",
                        "duration": 60,
                    }
                ).taskID
                for number in range(100)
            ]

    with ThreadPoolExecutor(16) as pool:
        task_ids = [task_id for each in pool.map(submit, range(16)) for task_id in each]
    assert sorted(task_ids, key=int) == [f"190405{number:03d}" for number in range(1, 1601)]
    assert client.count_observations() == 1600


def test_every_change_says_who_and_what_it_was(url: str, client: Client, observe: Observe) -> None:
    made = observe(products=1)
    (product,) = client.dataproducts(taskID=made.taskID)
    with Client(url, user="operator", secret=SECRETS["operator"]) as operator:
        operator.change_observation(made.id, node="wcudata2", priority=3, reason="disk full")
        operator.change_observation(made.id, node="wcudata2")
        operator.change_dataproduct(product.id, quality="good")
    edited, judged = client.changes(taskID=made.taskID)
    assert (edited.actor, edited.action, edited.reason) == ("operator", "edited", "disk full")
    assert edited.fields == {"node": (None, "wcudata2"), "priority": (0, 3)}
    assert (judged.dataproduct, judged.fields) == (product.filename, {"quality": (None, "good")})
    client.delete_observation(made.id)
    *_, deleted = client.changes(taskID=made.taskID)
    assert (deleted.actor, deleted.action, deleted.fields["field_name"]) == ("admin", "deleted", ("3C48", None))


def test_a_refused_move_leaves_the_fields_of_the_same_request(client: Client, observe: Observe) -> None:
    made = observe()
    with pytest.raises(ForbiddenMove):
        client.change_observation(made.id, node="wcudata2", new_status="archived")
    assert client.observation(made.taskID) == made
    assert list(client.changes(taskID=made.taskID)) == []


def test_if_match_keeps_one_from_overwriting_what_another_wrote(url: str, observe: Observe) -> None:
    made = observe()
    with httpx.Client(
        base_url=f"{url}/atdb/observations/{made.id}", auth=("operator", SECRETS["operator"])
    ) as http:
        read = http.get("/")
        tag = read.headers["ETag"]
        assert http.get("/", headers={"If-None-Match": tag}).status_code == 304
        first = http.patch("/", json={"node": "a"}, headers={"If-Match": tag})
        assert (first.status_code, first.headers["ETag"] != tag) == (200, True)
        second = http.patch("/", json={"node": "b"}, headers={"If-Match": tag})
        assert (second.status_code, second.headers["Content-Type"]) == (412, "application/problem+json")
        assert http.delete("/", headers={"If-Match": tag}).status_code == 412
        assert http.get("/").json()["node"] == "a"
        assert http.get("/", headers={"If-None-Match": tag}).headers["ETag"] == first.headers["ETag"]
        assert http.patch("/", json={"node": "c"}, headers={"If-Match": "*"}).status_code == 200
        assert http.delete("/", headers={"If-Match": http.get("/").headers["ETag"]}).status_code == 204


def test_an_idempotency_key_makes_a_post_safe_to_repeat(url: str, client: Client) -> None:
    specification = {
        "field_name": "3C48",
        "observing_mode": "imaging",
        **COORDINATES,
        "starttime": "2019-04-05T12:00:00Z",
        "duration": 60,
    }
    with httpx.Client(base_url=f"{url}/atdb", auth=("astronomer", SECRETS["astronomer"])) as http:

        def post(key: str, **changed: object) -> httpx.Response:
            return http.post("/observations/", json=specification | changed, headers={"Idempotency-Key": key})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post("one"), range(8)))
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.json()["taskID"] for answer in answers} == {"190405001"}
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
        assert post("one", duration=90).status_code == 422
        assert post("two").status_code == 409
        assert post("two", field_name="3C147").json()["taskID"] == "190405002"
        assert post("x" * 201).status_code == 400
    with httpx.Client(base_url=f"{url}/atdb", auth=("operator", SECRETS["operator"])) as other:
        answer = other.post("/observations/", json=specification, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 409
    assert client.count_observations() == 2
