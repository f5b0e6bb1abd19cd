"""Operators pause stages, limit their concurrency, and set delays before them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask

from atdb_api.database import transaction
from atdb_api.services import claims
from atdb_interface.claims import ClaimRequest
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest, Forbidden, NotFound, NotYet
from atdb_interface.lifecycle import Actor, ProductStatus, Status
from atdb_interface.observations import Observation
from atdb_interface.stages import StageState
from tests.advancing import move_all
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
INGEST, REMOVE, OBSERVE = Actor.INGEST, Actor.REMOVE, Actor.OBSERVE


def claim(client: Client, claim_id: str, *statuses: Status, **more: Any) -> list[str]:
    request = ClaimRequest(id=claim_id, consumer="test", statuses=list(statuses), **more)
    return [task.taskID for task in client.claim(request).tasks]


def state(client: Client, stage: Actor) -> StageState:
    (only,) = client.stages(stage=stage)
    return only


def counts(client: Client, stage: Actor) -> tuple[int, int, int]:
    now = state(client, stage)
    return now.waiting, now.claimed, now.working


def ingest(client: Client, task_id: str, owner: str, lease_seconds: int = 60) -> None:
    client.move(task_id, Status.INGESTING, owner=owner, lease_seconds=lease_seconds)


def test_there_are_five_stages_open_and_without_limits(client: Client) -> None:
    stages = {each.stage: each for each in client.stages()}
    assert set(stages) == {Actor.SPECIFY, OBSERVE, Actor.VALIDATE, INGEST, REMOVE}
    assert not any(each.paused or each.slots or each.delay_seconds for each in stages.values())
    with pytest.raises(NotFound):
        client.change_stage(Actor.TELESCOPE, paused=True)


def test_a_paused_stage_gives_nothing_out(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    other = observe(Status.COMPLETING).taskID
    paused = client.change_stage(INGEST, paused=True, reason="disk replacement")
    assert (paused.paused, paused.paused_by, paused.pause_reason) == (True, "admin", "disk replacement")
    assert claim(client, "c1", Status.VALID, Status.COMPLETING) == [other]
    assert client.count_waiting([Status.VALID]) == 0
    with pytest.raises(NotYet) as refusal:
        ingest(client, task_id, "ingest/run 1")
    assert refusal.value.extra["paused_by"] == "admin"
    resumed = client.change_stage(INGEST, paused=False)
    assert (resumed.paused, resumed.paused_by, resumed.paused_at, resumed.pause_reason) == (
        False,
        None,
        None,
        None,
    )
    assert client.count_waiting([Status.VALID]) == 1
    assert claim(client, "c2", Status.VALID) == [task_id]


def test_what_was_claimed_before_a_pause_waits_again_when_it_ends(client: Client, observe: Observe) -> None:
    task_id, other = observe(Status.VALID).taskID, observe(Status.COMPLETING).taskID
    claim(client, "c1", Status.VALID, Status.COMPLETING)
    client.change_stage(INGEST, paused=True)
    assert client.observation(task_id).claimed_until is None
    assert client.observation(other).claimed_until is not None
    client.change_stage(INGEST, paused=False)
    assert claim(client, "c2", Status.VALID) == [task_id]


def test_work_continues_during_a_pause_but_no_other_owner_takes_it_over(client: Client, observe: Observe) -> None:
    done, lost = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    ingest(client, done, "run 1")
    ingest(client, lost, "run 2", lease_seconds=1)
    client.change_stage(INGEST, paused=True)
    client.renew(done, "run 1", 60)
    move_all(client, done, ProductStatus.INGESTING, ProductStatus.ARCHIVED, owner="run 1")
    client.move(done, Status.ARCHIVED, owner="run 1")
    time.sleep(1.1)
    assert claim(client, "c1", Status.INGESTING) == []
    with pytest.raises(NotYet):
        ingest(client, lost, "run 3")
    ingest(client, lost, "run 2")
    client.change_stage(INGEST, paused=False)
    assert client.observation(lost).my_status is Status.INGESTING


def test_the_account_that_paused_first_is_kept_until_the_stage_resumes(client: Client, url: str) -> None:
    first = client.change_stage(INGEST, paused=True, reason="disk replacement")
    with Client(url, user="operator", secret=SECRETS["operator"]) as other:
        again = other.change_stage(INGEST, paused=True, slots=3, reason="me too")
    assert (again.paused_by, again.paused_at, again.pause_reason) == ("admin", first.paused_at, "disk replacement")
    assert again.slots == 3


def test_each_change_of_a_stage_is_recorded_with_its_reason(client: Client) -> None:
    client.change_stage(INGEST, paused=True, slots=4, reason="disk replacement")
    client.change_stage(INGEST, paused=True, slots=4, reason="again")
    client.change_stage(INGEST, paused=False, slots=None)
    client.change_stage(REMOVE, delay_seconds=86400, reason="a day to prevent it")
    recorded = [
        (change.actor, change.action, change.fields, change.reason)
        for change in client.changes(account__isnull="true")
    ]
    assert recorded == [
        ("admin", "edited", {"ingest.paused": (False, True), "ingest.slots": (None, 4)}, "disk replacement"),
        ("admin", "edited", {"ingest.paused": (True, False), "ingest.slots": (4, None)}, ""),
        ("admin", "edited", {"remove.delay_seconds": (0, 86400)}, "a day to prevent it"),
    ]


@pytest.mark.parametrize("fields", [{"slots": 0}, {"delay_seconds": -1}, {"paused": None}, {"waiting": 3}])
def test_what_no_stage_can_be_is_refused(client: Client, fields: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        client.change_stage(INGEST, **fields)


def test_only_operators_change_stages(url: str) -> None:
    with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as service, pytest.raises(Forbidden):
        service.change_stage(INGEST, paused=True)


def test_as_many_observations_can_be_claimed_as_a_stage_has_slots(client: Client, observe: Observe) -> None:
    made = [observe(Status.VALID).taskID for _ in range(4)]
    urgent = observe(Status.VALID, priority=5).taskID
    client.change_stage(INGEST, slots=2)
    assert client.count_waiting([Status.VALID]) == 2
    assert claim(client, "c1", Status.VALID) == [urgent, made[0]]
    assert client.count_waiting([Status.VALID]) == 0
    assert claim(client, "c2", Status.VALID) == []
    ingest(client, urgent, "run 1")
    assert claim(client, "c3", Status.VALID) == []
    move_all(client, urgent, ProductStatus.INGESTING, ProductStatus.ARCHIVED, owner="run 1")
    client.move(urgent, Status.ARCHIVED, owner="run 1")
    assert client.count_waiting([Status.VALID]) == 1
    assert claim(client, "c4", Status.VALID) == [made[1]]
    client.change_stage(INGEST, slots=1)
    assert (client.count_waiting([Status.VALID]), claim(client, "c5", Status.VALID)) == (0, [])
    client.change_stage(INGEST, slots=None)
    assert client.count_waiting([Status.VALID]) == 2
    assert claim(client, "c6", Status.VALID) == made[2:]


def test_slots_of_one_stage_hold_up_no_other(client: Client, observe: Observe) -> None:
    valid = [observe(Status.VALID).taskID for _ in range(2)]
    completing = [observe(Status.COMPLETING).taskID for _ in range(2)]
    urgent = observe(Status.COMPLETING, priority=1).taskID
    client.change_stage(INGEST, slots=1)
    both = [Status.VALID, Status.COMPLETING]
    assert client.count_waiting(both) == 4
    assert claim(client, "c1", *both, limit=2) == [urgent, valid[0]]
    assert client.count_waiting(both) == 2
    assert claim(client, "c2", *both) == completing


def test_a_lost_owner_leaves_its_slot(client: Client, observe: Observe) -> None:
    lost, waits = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    client.change_stage(INGEST, slots=1)
    ingest(client, lost, "run 1", lease_seconds=1)
    assert counts(client, INGEST) == (1, 0, 1)
    assert claim(client, "c1", Status.VALID, Status.INGESTING) == []
    time.sleep(1.1)
    assert counts(client, INGEST) == (2, 0, 0)
    assert client.count_waiting([Status.VALID, Status.INGESTING]) == 1
    assert claim(client, "c2", Status.VALID, Status.INGESTING) == [lost]
    assert counts(client, INGEST) == (1, 1, 0)
    assert claim(client, "c3", Status.VALID, Status.INGESTING) == []
    assert client.observation(waits).claimed_until is None


def test_slots_hold_however_many_claim_at_once(url: str, client: Client, observe: Observe) -> None:
    for _ in range(12):
        observe(Status.VALID)
    client.change_stage(INGEST, slots=5)

    def ask(number: int) -> list[str]:
        with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as consumer:
            return claim(consumer, f"claim {number}", Status.VALID, limit=3)

    with ThreadPoolExecutor(8) as pool:
        given = [task_id for tasks in pool.map(ask, range(8)) for task_id in tasks]
    assert len(given) == len(set(given)) == 5
    assert counts(client, INGEST) == (7, 5, 0)


def test_a_pause_waits_for_a_claim_that_is_being_made(app: Flask, client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    with ThreadPoolExecutor(1) as pool:
        with app.app_context(), transaction() as session:
            request = ClaimRequest(id="c1", consumer="test", statuses=[Status.VALID])
            claims.claim(session, request, actor="admin")
            session.flush()
            pause = pool.submit(client.change_stage, INGEST, paused=True)
            time.sleep(0.5)
        assert pause.result().claimed == 0
    assert client.observation(task_id).claimed_until is None


def test_an_observation_waits_before_a_stage_with_a_delay(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    client.change_stage(INGEST, delay_seconds=3600)
    assert (claim(client, "c1", Status.VALID), client.count_waiting([Status.VALID])) == ([], 0)
    assert counts(client, INGEST) == (0, 0, 0)
    with pytest.raises(NotYet) as refusal:
        ingest(client, task_id, "run 1")
    assert "until" in refusal.value.extra
    client.change_stage(INGEST, delay_seconds=1)
    time.sleep(1.1)
    assert counts(client, INGEST) == (1, 0, 0)
    assert claim(client, "c2", Status.VALID) == [task_id]


def test_a_delay_does_not_apply_to_work_whose_lease_has_expired(client: Client, observe: Observe) -> None:
    task_id = observe(Status.VALID).taskID
    ingest(client, task_id, "run 1", lease_seconds=1)
    client.change_stage(INGEST, delay_seconds=3600)
    time.sleep(1.1)
    assert claim(client, "c1", Status.INGESTING) == [task_id]
    ingest(client, task_id, "run 2")


def test_a_scheduled_observation_waits_for_observe_only_shortly_before_its_start(
    client: Client, observe: Observe
) -> None:
    now = datetime.now(UTC)
    observe(Status.SCHEDULED, starttime=(now + timedelta(minutes=12)).isoformat())
    assert counts(client, OBSERVE) == (0, 0, 0)
    observe(Status.SCHEDULED, starttime=(now + timedelta(minutes=9)).isoformat())
    assert counts(client, OBSERVE) == (1, 0, 0)


def test_stages_are_filtered_and_shown_one_by_one(client: Client, url: str) -> None:
    client.change_stage(INGEST, paused=True)
    assert [each.stage for each in client.stages(paused="true")] == [INGEST]
    assert len(list(client.stages(paused="false", ordering="-paused,stage"))) == 4
    with httpx.Client(base_url=f"{url}/atdb/stages", auth=("viewer", SECRETS["viewer"])) as http:
        assert http.get("/ingest/").json() == state(client, INGEST).model_dump(mode="json")
        assert http.get("/ingest/", params={"fields": "paused_by"}).json() == {"paused_by": "admin"}
        assert http.get("/telescope/").status_code == 404


def test_a_released_claim_waits_again_at_once(client: Client, observe: Observe) -> None:
    claimed, other = observe(Status.VALID).taskID, observe(Status.VALID).taskID
    assert claim(client, "c1", Status.VALID, limit=1) == [claimed]
    assert client.release([claimed, other, "999999999"]) == 1
    assert client.release([claimed]) == 0
    assert claim(client, "c2", Status.VALID) == [claimed, other]
