"""Bulk changes of all observations that match: either exactly the changes of the preview, or none."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
RETRY = {"filters": {"my_status": "ingest error"}, "change": {"new_status": "valid", "reason": "archive repaired"}}


@pytest.fixture
def bulk(url: str) -> Callable[..., httpx.Response]:
    def post(ask: dict[str, Any], *, resource: str = "observations", user: str = "operator") -> httpx.Response:
        return httpx.post(f"{url}/atdb/{resource}/bulk/", json=ask, auth=(user, SECRETS[user]), timeout=60)

    return post


def test_a_preview_gives_a_verdict_for_each_and_changes_nothing(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    failed = [observe(Status.INGEST_ERROR) for _ in range(3)]
    observe(Status.VALID)
    preview = bulk(RETRY).json()
    assert (preview["executed"], preview["count"], preview["verdicts"]) == (False, 3, {"changed": 3})
    assert [item["taskID"] for item in preview["results"]] == [o.taskID for o in failed]
    assert [client.observation(o.taskID) for o in failed] == failed


def test_with_its_token_all_are_moved_in_one_go_with_history(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    failed = [observe(Status.INGEST_ERROR) for _ in range(3)]
    token = bulk(RETRY).json()["token"]
    done = bulk(RETRY | {"token": token}).json()
    assert (done["executed"], done["verdicts"]) == (True, {"changed": 3})
    for made in failed:
        (*before, last) = client.observation(made.taskID).status_history
        assert before == made.status_history
        assert (last.name, last.actor, last.reason) == ("valid", "operator", "archive repaired")


def test_items_that_may_not_move_stay_and_say_why(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    observe(Status.VALID), observe(Status.RUNNING), observe(Status.ON_HOLD), observe(Status.VALID)
    ask = {"filters": {"my_status__exclude": "defined"}, "change": {"new_status": "on hold"}}
    preview = bulk(ask).json()
    assert preview["verdicts"] == {"changed": 2, "refused": 1, "unchanged": 1}
    done = bulk(ask | {"token": preview["token"]}).json()
    assert [item["verdict"] for item in done["results"]] == ["changed", "refused", "unchanged", "changed"]
    assert "running" in done["results"][1]["detail"]
    statuses = Counter(o.my_status for o in client.observations())
    assert statuses == {Status.ON_HOLD: 3, Status.RUNNING: 1}


@pytest.mark.parametrize("meanwhile", ["another matches", "one matches no more", "one has another status"])
def test_it_is_refused_where_the_matching_set_has_changed(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response], meanwhile: str
) -> None:
    made = [observe(Status.INGEST_ERROR), observe(Status.INGEST_ERROR)]
    ask = {"filters": {"taskID__startswith": "2604", "my_status__exclude": "aborted"}, "change": RETRY["change"]}
    token = bulk(ask).json()["token"]
    if meanwhile == "another matches":
        observe()
    elif meanwhile == "one matches no more":
        client.move(made[0].taskID, Status.ABORTED, force=True, reason="tests")
    else:
        client.move(made[0].taskID, Status.ON_HOLD)
    before = list(client.observations())
    answer = bulk(ask | {"token": token})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:atdb:error:SetChanged")
    assert list(client.observations()) == before


def test_a_token_is_good_for_its_own_request_only(observe: Observe, bulk: Callable[..., httpx.Response]) -> None:
    observe(Status.INGEST_ERROR)
    token = bulk(RETRY).json()["token"]
    other = RETRY | {"change": {"new_status": "on hold"}, "token": token}
    assert bulk(other).status_code == 409


def test_fields_are_edited_in_bulk_and_each_edit_is_recorded(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    made = [observe() for _ in range(3)]
    ask = {"filters": {"observing_mode": "imaging"}, "change": {"priority": 5, "reason": "target of opportunity"}}
    bulk(ask | {"token": bulk(ask).json()["token"]})
    assert [client.observation(o.taskID).priority for o in made] == [5, 5, 5]
    edits = [(edit.taskID, edit.actor) for edit in client.changes(account__isnull=True)]
    assert edits == [(observation.taskID, "operator") for observation in made]


def test_an_edit_that_would_make_duplicates_leaves_all_as_it_was(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    start = "2026-04-05T06:00:00Z"
    observe(field_name="a", starttime=start), observe(field_name="b", starttime=start)
    ask = {"filters": {"observing_mode": "imaging"}, "change": {"field_name": "c"}}
    preview = bulk(ask).json()
    assert [item["verdict"] for item in preview["results"]] == ["changed", "refused"]
    bulk(ask | {"token": preview["token"]})
    assert [o.field_name for o in client.observations()] == ["c", "b"]


def test_all_480_products_of_an_observation_move_at_once(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    made = observe(products=480)
    names = [product.filename for product in client.dataproducts(taskID=made.taskID)]
    forced: dict[str, Any] = {"force": True, "reason": "the disk is broken"}
    client.move_products(
        made.taskID,
        [ProductMove(filename=n, new_status=ProductStatus.INVALID, **forced) for n in names[:10]],
    )
    ask = {"filters": {"taskID": made.taskID}, "change": {"new_status": "invalid", **forced}}
    preview = bulk(ask, resource="dataproducts").json()
    assert preview["verdicts"] == {"changed": 470, "unchanged": 10}
    bulk(ask | {"token": preview["token"]}, resource="dataproducts")
    assert client.count_dataproducts(my_status="invalid") == 480


def test_without_a_filter_or_with_too_many_matches_it_is_refused(bulk: Callable[..., httpx.Response]) -> None:
    assert bulk(RETRY | {"filters": {}}).status_code == 400
    assert bulk(RETRY | {"filters": {"nothing": "1"}}).status_code == 400
    assert bulk(RETRY | {"token": "1"}).status_code == 400


def test_an_item_that_is_refused_keeps_its_fields(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    held, refused = observe(Status.VALID), observe(Status.RUNNING)
    ask = {
        "filters": {"observing_mode": "imaging"},
        "change": {"new_status": "on hold", "priority": 7, "node": "wcudata9", "reason": "rain"},
    }
    done = bulk(ask | {"token": bulk(ask).json()["token"]}).json()
    assert [item["verdict"] for item in done["results"]] == ["changed", "refused"]
    assert client.observation(refused.taskID) == refused
    assert list(client.changes(taskID=refused.taskID)) == []
    changed = client.observation(held.taskID)
    assert (changed.my_status, changed.priority, changed.node) == (Status.ON_HOLD, 7, "wcudata9")


def test_a_product_that_is_refused_keeps_its_fields(
    client: Client, observe: Observe, bulk: Callable[..., httpx.Response]
) -> None:
    task_id = observe(products=2).taskID
    ask = {
        "filters": {"taskID": task_id},
        "change": {"new_status": "removed", "quality": "good", "reason": "by hand"},
    }
    token = bulk(ask, resource="dataproducts").json()["token"]
    done = bulk(ask | {"token": token}, resource="dataproducts").json()
    assert (done["executed"], done["verdicts"]) == (True, {"refused": 2})
    assert [product.quality for product in client.dataproducts(taskID=task_id)] == [None, None]
    assert list(client.changes(taskID=task_id)) == []
