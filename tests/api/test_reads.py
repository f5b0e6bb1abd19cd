"""Statuses of the past, summaries, pagination by cursor, and selected fields."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from atdb_interface.client import Client
from atdb_interface.dataproducts import ProductMove
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]


@pytest.fixture
def http(url: str) -> Any:
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as opened:
        yield opened


def next_second() -> str:
    """Return the present second after it has ended."""
    now = datetime.now(UTC)
    time.sleep(1.001 - now.microsecond / 1e6)
    return write_time(now)


def test_what_is_made_has_a_status_from_its_creation_on(database_url: str, observe: Observe) -> None:
    """Read from the database itself, because times in the REST API have whole seconds."""
    observe(products=2)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select task_id, null as filename, created_at from observations union all "
                "select task_id, filename, created_at from dataproducts"
            )
        ).all()
        first = {
            (row.task_id, row.dataproduct): row.at
            for row in connection.execute(text("select * from transitions where previous is null"))
        }
    engine.dispose()
    assert {(row.task_id, row.filename): row.created_at for row in rows} == first
    assert len(first) == 3


def test_any_list_and_detail_shows_statuses_as_they_were(
    http: httpx.Client, client: Client, observe: Observe
) -> None:
    before = next_second()
    first = observe(Status.VALID, products=1)
    then = next_second()
    name = f"{first.taskID}_0.fits"
    client.move(first.taskID, Status.INGESTING, owner="run 1")
    ingesting = ProductMove(filename=name, new_status=ProductStatus.INGESTING)
    client.move_products(first.taskID, [ingesting], owner="run 1")
    second = observe()

    def task_ids(path: str, **parameters: str) -> list[str]:
        return [item["taskID"] for item in http.get(path, params=parameters).json()["results"]]

    assert task_ids("/observations/", my_status="valid") == []
    assert task_ids("/observations/", my_status="valid", as_of=then) == [first.taskID]
    assert task_ids("/observations/", my_status="ingesting", as_of=then) == []
    assert task_ids("/observations/", as_of=then, fields="taskID") == [first.taskID]
    assert task_ids("/observations/", as_of=before) == []
    assert task_ids("/observations/") == [first.taskID, second.taskID]
    assert task_ids("/dataproducts/", my_status="valid", as_of=then) == [first.taskID]
    assert task_ids("/dataproducts/", my_status="valid") == []
    assert len(task_ids("/status/", as_of=then)) == len(first.status_history)

    was = http.get(f"/observations/{first.id}/", params={"as_of": then}).json()
    assert was == first.model_dump(mode="json")
    assert http.get(f"/observations/{second.id}/", params={"as_of": then}).status_code == 404
    product = first.generated_dataproducts[0]
    assert http.get(f"/dataproducts/{product}/", params={"as_of": then}).json()["my_status"] == "valid"
    summary = http.get("/summary/", params={"as_of": then}).json()
    assert [(g["group"], g["count"]) for g in summary["groups"]] == [({"my_status": "valid"}, 1)]


def test_there_is_no_past_in_the_future(http: httpx.Client) -> None:
    tomorrow = write_time(datetime.now(UTC) + timedelta(days=1))
    for moment in (tomorrow, "soon", "2019-02-30"):
        assert http.get("/observations/", params={"as_of": moment}).status_code == 400
    assert http.get("/leases/", params={"as_of": "2019-04-08"}).status_code == 400


def test_a_summary_has_counts_sums_and_the_oldest_age(
    http: httpx.Client, client: Client, observe: Observe, database_url: str
) -> None:
    for number in range(4):
        observe(
            Status.VALID if number % 2 else Status.COMPLETED,
            products=2,
            field_name=f"field {number}",
            observing_mode="arts_sc4_survey" if number == 3 else "imaging",
            data_location="arts001:/data/01" if number == 3 else "wcudata1:/data",
            starttime=f"2019-04-0{8 + number // 2}T23:59:59Z",
        )
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("update dataproducts set size = :size"), {"size": 10**12})
    engine.dispose()
    whole = http.get("/summary/").json()
    assert (whole["count"], whole["size"], whole["group_by"]) == (4, 8 * 10**12, ["my_status"])
    assert [(g["group"]["my_status"], g["count"]) for g in whole["groups"]] == [("completed", 2), ("valid", 2)]
    completed = client.observations(my_status="completed", ordering="starttime")
    assert whole["groups"][0]["oldest_since"] == write_time(next(completed).status_history[-1].timestamp)
    assert 0 <= whole["groups"][0]["oldest_age_seconds"] < 60
    split = http.get("/summary/", params={"group_by": "day,observing_mode,data_host", "my_status": "valid"}).json()
    assert [g["group"] for g in split["groups"]] == [
        {"day": "2019-04-08", "observing_mode": "imaging", "data_host": "wcudata1"},
        {"day": "2019-04-09", "observing_mode": "arts_sc4_survey", "data_host": "arts001"},
    ]
    assert http.get("/summary/", params={"group_by": "name"}).status_code == 400


@pytest.mark.parametrize(
    "ordering", ["", "-priority,field_ra", "node,-starttime", "-field_ra", "my_status,-taskID"]
)
def test_a_walk_by_cursor_meets_each_item_once_and_in_order(
    http: httpx.Client, observe: Observe, ordering: str
) -> None:
    for number in range(23):
        observe(
            Status.SCHEDULED if number % 3 else Status.DEFINED,
            priority=number % 4,
            field_ra=None if number % 5 == 0 else number % 3,
            field_ha=1.5 if number % 5 == 0 else None,
            node=None if number % 2 else f"n{number % 3}",
        )
    parameters = {"ordering": ordering} if ordering else {}
    expected = [o["id"] for o in http.get("/observations/", params=parameters).json()["results"]]
    answer = http.get("/observations/", params={**parameters, "cursor": "", "page_size": 4, "fields": "id"}).json()
    assert (answer["count"], answer["previous"]) == (None, None)
    met = []
    while True:
        met += [item["id"] for item in answer["results"]]
        if not answer["next"]:
            break
        reply = http.get(answer["next"])
        assert reply.status_code == 200, reply.text
        answer = reply.json()
    assert met == expected
    assert len(met) == 23


def test_a_walk_by_cursor_is_not_disturbed_by_what_changes_behind_it(
    http: httpx.Client, client: Client, observe: Observe
) -> None:
    made = [observe() for _ in range(6)]
    walk = http.get("/observations/", params={"my_status": "defined", "cursor": "", "page_size": 3}).json()
    for observation in made[:3]:
        client.move(observation.taskID, Status.SCHEDULED)
    rest = http.get(walk["next"]).json()
    assert [o["taskID"] for o in walk["results"] + rest["results"]] == [o.taskID for o in made]


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "W10", "WyJpZCIsICJhIl0", "WyJpZCIsIFtdXQ", "WyJpZCIsIHRydWVd", "é"]
)
def test_a_cursor_that_atdb_did_not_give_is_refused(http: httpx.Client, cursor: str) -> None:
    answer = http.get("/observations/", params={"cursor": cursor})
    assert (answer.status_code, "cursor" in answer.json()["detail"]) == (400, True)


def test_a_cursor_belongs_to_its_ordering(http: httpx.Client, observe: Observe) -> None:
    observe(), observe()
    walk = http.get("/observations/", params={"cursor": "", "page_size": 1}).json()
    assert http.get(f"{walk['next']}&ordering=-starttime").status_code == 400


def test_only_the_fields_asked_for_are_answered(http: httpx.Client, observe: Observe) -> None:
    made = observe(products=1)
    (row,) = http.get("/observations/", params={"fields": "taskID,my_status"}).json()["results"]
    assert row == {"taskID": made.taskID, "my_status": "defined"}
    detail = http.get(f"/observations/{made.id}/", params={"fields": "generated_dataproducts"}).json()
    assert detail == {"generated_dataproducts": made.generated_dataproducts}
    answer = http.get("/observations/", params={"fields": "taskID,secret"})
    assert (answer.status_code, "secret" in answer.json()["detail"]) == (400, True)
