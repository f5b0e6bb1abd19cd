"""Claims: each waiting observation goes to one consumer, and work on it has one owner."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from atdb_interface.actions import Action
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.errors import ForbiddenMove, NotOwner
from atdb_interface.lifecycle import MAX_LOST_OWNERS, Actor, ProductStatus, Status
from atdb_interface.observations import Observation
from tests.advancing import advance, move_all
from tests.conftest import SECRETS

Observe = Callable[..., Observation]


def claim(client: Client, claim_id: str, *statuses: Status, **more: Any) -> list[str]:
    request = ClaimRequest(id=claim_id, consumer="test", statuses=list(statuses), **more)
    return [task.taskID for task in client.claim(request).tasks]


def test_an_observation_is_given_to_one_consumer_only(url: str, client: Client, observe: Observe) -> None:
    made = {observe(Status.VALID).taskID for _ in range(20)}

    def ask(number: int) -> list[str]:
        with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as consumer:
            return claim(consumer, f"claim {number}", Status.VALID, limit=3)

    with ThreadPoolExecutor(10) as pool:
        given = [task_id for tasks in pool.map(ask, range(10)) for task_id in tasks]
    assert sorted(given) == sorted(set(given))
    rest = claim(client, "the rest", Status.VALID)
    assert set(given) | set(rest) == made
    assert len(given) + len(rest) == 20


def test_the_same_claim_asked_again_gives_the_same_answer(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    first = claim(client, "c1", Status.VALID)
    observe(Status.VALID)
    assert first == claim(client, "c1", Status.VALID) == [made.taskID]


def test_the_highest_priority_comes_first(client: Client, observe: Observe) -> None:
    usual, urgent = observe(Status.VALID), observe(Status.VALID, priority=5)
    client.change_observation(usual.id, node="wcudata1")  # changes no priority
    assert claim(client, "c1", Status.VALID) == [urgent.taskID, usual.taskID]


def test_the_oldest_start_comes_first_and_filters_hold(client: Client, observe: Observe) -> None:
    late = observe(Status.VALID, starttime="2026-04-09T00:00:00Z", observing_mode="arts_sc1_timing")
    early = observe(Status.VALID, starttime="2026-04-08T00:00:00Z", observing_mode="arts_sc1_timing")
    other = observe(Status.VALID)
    filters = {"observing_mode__icontains": "SC1"}
    assert claim(client, "c1", Status.VALID, filters=filters) == [early.taskID, late.taskID]
    assert claim(client, "c2", Status.VALID) == [other.taskID]


def test_a_claim_that_is_not_acted_on_runs_out(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    assert claim(client, "c1", Status.VALID, lease_seconds=1) == [made.taskID]
    assert claim(client, "c2", Status.VALID) == []
    time.sleep(1.1)
    assert claim(client, "c3", Status.VALID) == [made.taskID]


def test_a_scheduled_observation_waits_from_ten_minutes_before_its_start(client: Client, observe: Observe) -> None:
    now = datetime.now(UTC)
    observe(Status.SCHEDULED, starttime=(now + timedelta(minutes=12)).isoformat())
    soon = observe(Status.SCHEDULED, starttime=(now + timedelta(minutes=9)).isoformat())
    assert claim(client, "c1", Status.SCHEDULED) == [soon.taskID]


def enter(client: Client, task_id: str, owner: str, lease_seconds: int = 60) -> None:
    client.move(task_id, Status.INGESTING, expect=[Status.VALID], owner=owner, lease_seconds=lease_seconds)


def test_only_the_owner_may_enter_again_or_leave(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID, products=1).taskID
    enter(client, task_id, "ingest/run 1")
    enter(client, task_id, "ingest/run 1")
    with pytest.raises(NotOwner) as refusal:
        enter(client, task_id, "ingest/run 2")
    assert refusal.value.extra["owner"] == "ingest/run 1"
    for owner in ("ingest/run 2", None):
        with pytest.raises(NotOwner):
            client.move(task_id, Status.ARCHIVED, owner=owner)
    product = ProductMove(filename=f"{task_id}_0.fits", new_status=ProductStatus.INGESTING)
    with pytest.raises(NotOwner):
        client.move_products(task_id, [product], owner="ingest/run 2")
    move_all(client, task_id, ProductStatus.INGESTING, ProductStatus.ARCHIVED, owner="ingest/run 1")
    client.move(task_id, Status.ARCHIVED, owner="ingest/run 1")
    names = [step.name for step in client.history(taskID=task_id)]
    assert names[-2:] == ["ingesting", "archived"]


def test_an_operator_may_abort_an_observation_in_progress(client: Client, observe: Observe) -> None:
    task_id = observe(Status.COMPLETING).taskID
    client.move(task_id, Status.CHECKING, owner="validate/run 1")
    client.move(task_id, Status.ABORTED, reason="wrong field")
    with pytest.raises(ForbiddenMove):
        client.move(task_id, Status.VALID, owner="validate/run 1")
    with pytest.raises(NotOwner):
        client.renew(task_id, "validate/run 1", 60)


def test_lost_work_is_given_to_others_but_not_for_ever(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    enter(client, task_id, "run 0", lease_seconds=60)
    assert claim(client, "too early", Status.INGESTING) == []
    client.renew(task_id, "run 0", 1)
    for number in range(1, MAX_LOST_OWNERS + 1):
        time.sleep(1.1)
        assert claim(client, f"claim {number}", Status.INGESTING, lease_seconds=60) == [task_id]
        enter(client, task_id, f"run {number}", lease_seconds=1)
        with pytest.raises(NotOwner):
            client.renew(task_id, f"run {number - 1}", 60)
    time.sleep(1.1)
    assert claim(client, "one too many", Status.INGESTING) == []
    with pytest.raises(NotOwner):
        enter(client, task_id, "run too many")
    (lease,) = client.leases(expires_at__lt=datetime.now(UTC).isoformat())
    assert (lease.taskID, lease.lost_owners) == (task_id, MAX_LOST_OWNERS)


def test_a_lost_start_of_the_telescope_is_not_available_to_claim(client: Client, observe: Observe) -> None:
    task_id = observe(Status.SCHEDULED).taskID
    client.move(task_id, Status.STARTING, owner="observe/run 1", lease_seconds=1)
    time.sleep(1.1)
    assert claim(client, "c1", Status.SCHEDULED, Status.STARTING) == []
    with pytest.raises(NotOwner):
        client.move(task_id, Status.STARTING, owner="observe/run 2")


def test_looking_changes_nothing(client: Client, observe: Observe, url: str) -> None:
    import asyncio

    from atdb_interface.client.async_client import AsyncClient

    observe(Status.VALID)

    async def look() -> list[int]:
        async with AsyncClient(url, user="viewer", secret=SECRETS["viewer"]) as atdb:
            return [await atdb.count_waiting([Status.VALID, Status.DEFINED]) for _ in range(3)]

    assert asyncio.run(look()) == [1, 1, 1]
    assert len(claim(client, "c1", Status.VALID)) == 1
    assert asyncio.run(look()) == [0, 0, 0]


def test_each_claim_has_a_number_and_the_same_claim_keeps_it(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID, products=3)
    ask = ClaimRequest(id="c1", consumer="airflow", statuses=[Status.VALID])
    (first,) = client.claim(ask).tasks
    assert (first.number, first.name, first.observing_mode) == (1, made.name, "imaging")
    assert first.dataproducts == 3
    assert client.claim(ask).tasks == [first]
    client.release([made.taskID])
    assert client.claim(ask).tasks == [first]  # the same claim again gives the same answer
    (second,) = client.claim(ask.model_copy(update={"id": "c2"})).tasks
    assert second.number == 2


def test_claims_are_counted_for_each_stage(client: Client, observe: Observe) -> None:
    made = observe(Status.COMPLETING)
    for claim_id, steps, status in (
        ("c1", [], Status.COMPLETING),
        ("c2", [Status.CHECKING, Status.VALID], Status.VALID),
        ("c3", [Status.INGESTING, Status.ARCHIVED], Status.ARCHIVED),
    ):
        advance(client, made.taskID, steps)
        (given,) = client.claim(ClaimRequest(id=claim_id, consumer="a", statuses=[status])).tasks
        assert (given.taskID, given.number) == (made.taskID, 1)
    client.act(made.taskID, Action.INGEST, reason="once more")
    (again,) = client.claim(ClaimRequest(id="c4", consumer="a", statuses=[Status.COMPLETING])).tasks
    assert again.number == 2


def test_a_consumer_finds_its_open_claims_again(client: Client, observe: Observe) -> None:
    begun, held, waits = (observe(Status.VALID) for _ in range(3))
    ask = ClaimRequest(id="c1", consumer="airflow", statuses=[Status.VALID], lease_seconds=600)
    given = {task.taskID: task for task in client.claim(ask).tasks}
    other = observe(Status.VALID)
    client.claim(ask.model_copy(update={"id": "c2", "consumer": "a script"}))
    enter(client, begun.taskID, "ingest/run 1")
    client.move(held.taskID, Status.ON_HOLD, reason="storm")
    (open_claim,) = client.open_claims("airflow")
    assert open_claim.model_dump(exclude={"claim", "claimed_at", "expires_at"}) == given[waits.taskID].model_dump()
    assert open_claim.claim == "c1"
    assert open_claim.expires_at - open_claim.claimed_at == timedelta(seconds=600)
    assert [task.taskID for task in client.open_claims("a script")] == [other.taskID]
    assert client.open_claims("a stranger") == []


def test_a_release_of_one_claim_leaves_a_later_one_alone(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    ask = ClaimRequest(id="c1", consumer="airflow", statuses=[Status.VALID])
    client.claim(ask)
    assert client.release([task_id], claim="c1") == 1
    client.claim(ask.model_copy(update={"id": "c2"}))
    assert client.release([task_id], claim="c1") == 0
    assert [task.claim for task in client.open_claims("airflow")] == ["c2"]
    assert client.release([task_id], claim="c2") == 1


@pytest.mark.parametrize("field", ["starttime", "endtime"])
def test_an_observation_that_is_rescheduled_is_available_to_claim_again(
    client: Client, observe: Observe, field: str
) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    made = observe(Status.SCHEDULED, starttime=start.isoformat(), duration=3600)
    assert claim(client, "c1", Status.SCHEDULED) == [made.taskID]
    assert client.change_observation(made.id, node="wcudata1").claimed_until is not None
    times = {"starttime": start + timedelta(minutes=2), "endtime": start + timedelta(hours=3)}
    changed = client.change_observation(made.id, **{field: times[field].isoformat()})
    assert changed.claimed_until is None
    assert client.open_claims("test") == []
    assert claim(client, "c2", Status.SCHEDULED) == [made.taskID]


def test_an_observation_that_is_put_off_misses_no_start(client: Client, observe: Observe) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    made = observe(Status.SCHEDULED, starttime=start.isoformat(), duration=60)
    claim(client, "c1", Status.SCHEDULED)
    days = [(start + timedelta(days=3), start + timedelta(days=4)), (start, start + timedelta(hours=1))]
    for number, (begins, ends) in enumerate(days):
        client.change_observation(made.id, starttime=begins.isoformat(), endtime=ends.isoformat())
        expected = [made.taskID] if begins == start else []
        assert claim(client, f"later {number}", Status.SCHEDULED) == expected


def test_a_look_counts_only_what_matches_its_filters(url: str, observe: Observe) -> None:
    observe(Status.VALID)
    observe(Status.VALID, observing_mode="arts_sc1_timing")
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as http:
        for filters, waiting in (({}, 2), ({"observing_mode": "imaging"}, 1), ({"observing_mode": "none"}, 0)):
            answer = http.get("/claims/", params={"statuses": "valid", **filters})
            assert answer.json() == {"waiting": waiting}


def test_a_claim_of_several_stages_takes_the_highest_priority_first(client: Client, observe: Observe) -> None:
    usual, urgent = observe(Status.COMPLETING), observe(Status.VALID, priority=5)
    client.change_stage(Actor.INGEST, slots=2)  # stages with slots are claimed after the others
    assert claim(client, "c1", Status.COMPLETING, Status.VALID, limit=1) == [urgent.taskID]
    assert client.observation(usual.taskID).claimed_until is None
    assert claim(client, "c2", Status.COMPLETING, Status.VALID) == [usual.taskID]


def test_open_claims_have_the_order_in_which_they_were_made(client: Client, observe: Observe) -> None:
    last, first = observe(Status.VALID), observe(Status.VALID, priority=1)
    assert claim(client, "c1", Status.VALID) == [first.taskID, last.taskID]
    urgent = observe(Status.VALID, priority=5)
    assert claim(client, "c0", Status.VALID) == [urgent.taskID]
    assert [task.taskID for task in client.open_claims("test")] == [first.taskID, last.taskID, urgent.taskID]


def test_a_status_that_no_stage_waits_for_is_claimed_once_too(client: Client, observe: Observe) -> None:
    made = observe(Status.RUNNING)
    ask = ClaimRequest(id="c1", consumer="a program of the observatory", statuses=[Status.RUNNING])
    (task,) = client.claim(ask).tasks
    assert (task.taskID, task.number, task.dataproducts) == (made.taskID, 1, 0)
    assert client.claim(ask.model_copy(update={"id": "c2"})).tasks == []


def test_claims_are_numbered_from_one(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    numbers = []
    for number in range(1, 4):
        claimed = client.claim(ClaimRequest(id=f"c{number}", consumer="test", statuses=[Status.VALID]))
        numbers += [task.number for task in claimed.tasks]
        client.release([made.taskID])
    assert numbers == [1, 2, 3]


def test_a_release_ends_claims_of_the_named_observations_only(client: Client, observe: Observe) -> None:
    released, kept, never = (observe(Status.VALID) for _ in range(3))
    claim(client, "c1", Status.VALID, limit=2)
    assert client.release([released.taskID, never.taskID]) == 1
    assert [task.taskID for task in client.open_claims("test")] == [kept.taskID]
    assert client.release([released.taskID, never.taskID]) == 0


def test_a_claim_that_has_expired_is_neither_open_nor_released(client: Client, observe: Observe) -> None:
    made = observe(Status.VALID)
    claim(client, "c1", Status.VALID, lease_seconds=1)
    time.sleep(1.1)
    assert client.open_claims("test") == []
    assert client.release([made.taskID]) == 0


def test_no_more_is_claimed_than_can_soon_be_worked_on(client: Client, observe: Observe) -> None:
    waiting = [observe(Status.VALID).taskID for _ in range(4)]
    scheduled = [observe(Status.SCHEDULED, field_name=name).taskID for name in ("a", "b", "c")]
    statuses = [Status.VALID, Status.SCHEDULED]
    assert client.count_waiting(statuses, most_open=2) == 5
    assert claim(client, "c1", *statuses, most_open=2) == [*waiting[:2], *scheduled]
    assert claim(client, "c2", *statuses, most_open=2) == []
    assert client.count_waiting(statuses, most_open=2) == 0
    assert client.count_waiting(statuses) == 2
    client.move(waiting[0], Status.INGESTING, owner="test/1")  # what is worked on does not count
    urgent = observe(Status.VALID, starttime="2026-04-01T00:00:00Z").taskID
    assert client.count_waiting(statuses, most_open=2) == 1
    assert claim(client, "c3", *statuses, most_open=2) == [urgent]
    client.change_stage(Actor.INGEST, slots=4)
    assert claim(client, "c4", *statuses, most_open=9) == waiting[2:3]
    assert claim(client, "c5", *statuses) == []


def test_a_limit_that_is_no_number_is_refused(url: str) -> None:
    with httpx.Client(base_url=url, auth=("viewer", SECRETS["viewer"])) as http:
        for text in ("0", "some", ""):
            refused = http.get("/atdb/claims/", params={"statuses": "valid", "most_open": text})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "most_open")
