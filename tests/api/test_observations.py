"""Observations are created from specifications, and get taskIDs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx
import pytest
from flask import Flask
from sqlalchemy import update

from atdb_api.database import transaction
from atdb_api.models import TaskDay
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.errors import BadRequest, Conflict, Duplicate, NotFound
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.specifications import COORDINATES

SPECIFICATION = {
    "field_name": "3C48",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": "2019-04-05T21:03:02Z",
    "endtime": "2019-04-05T21:08:00Z",
}


def test_every_field_comes_back(client: Client) -> None:
    given = SPECIFICATION | {
        "name": "reference",
        "field_ra": None,
        "field_dec": -33.159759,
        "field_ha": -29.297215,
        "field_beam": 39,
        "beamPattern": "square_39p1",
        "integration_factor": 10,
        "central_frequency": 1370.5,
        "start_band": 1,
        "end_band": 24,
        "telescopes": "23456789ABCD",
        "science_mode": "TAB",
        "number_of_bins": 1024,
        "par_file_name": "0613-0200.par",
        "parset_location": "/opt/apertif/share/parsets/a.template",
        "data_location": "wcudata1:/data/apertif/",
        "node": "wcudata1",
        "irods_collection": "arts_main/arts_sc1",
        "control_parameters": "a=1",
        "skip_auto_ingest": True,
        "priority": 7,
        "options": {"process_triggers": True, "ndps": "3"},
        "task_type": "observation",
        "process_type": "observation",
    }
    made = client.create_observation(given).model_dump(mode="json")
    assert {name: made[name] for name in given} == given
    assert made["duration"] == 298
    assert client.observation(made["taskID"]).model_dump(mode="json") == made


def test_taskids_count_up_within_the_day_of_the_start(client: Client) -> None:
    starts = ["2019-04-05 23:59:59", "2019-04-06T00:00:00Z", "2019-04-05 01:00:00", "2019-04-06T01:30:00+02:00"]
    made = [
        client.create_observation(SPECIFICATION | {"starttime": s, "endtime": "2019-04-07T00:00:00Z"})
        for s in starts
    ]
    assert [o.taskID for o in made] == ["190405001", "190406001", "190405002", "190405003"]


def test_past_999_a_taskid_has_four_digits(client: Client, app: Flask) -> None:
    client.create_observation(SPECIFICATION)
    with app.app_context(), transaction() as session:
        session.execute(update(TaskDay).values(last_number=998))
    made = [client.create_observation(SPECIFICATION | {"field_name": f"f{n}"}) for n in range(3)]
    assert [o.taskID for o in made] == ["190405999", "1904051000", "1904051001"]


def test_a_refused_specification_leaves_no_gap(client: Client) -> None:
    client.create_observation(SPECIFICATION)
    with pytest.raises(Duplicate):
        client.create_observation(SPECIFICATION)
    assert client.create_observation(SPECIFICATION | {"field_name": "3C147"}).taskID == "190405002"


def test_the_same_mode_field_and_start_is_a_duplicate_that_names_its_taskid(client: Client) -> None:
    first = client.create_observation(SPECIFICATION)
    with pytest.raises(Duplicate) as refusal:
        client.create_observation(SPECIFICATION | {"endtime": "2019-04-05T22:00:00Z"})
    assert refusal.value.extra["taskID"] == first.taskID
    client.move(first.taskID, Status.ABORTED)
    assert client.create_observation(SPECIFICATION).taskID == "190405002"


def test_of_equal_specifications_at_once_one_is_accepted(url: str) -> None:
    def submit(_: int) -> str:
        with Client(url, user="astronomer", secret=SECRETS["astronomer"]) as client:
            try:
                return client.create_observation(SPECIFICATION).taskID
            except Duplicate as error:
                return f"duplicate of {error.extra['taskID']}"

    with ThreadPoolExecutor(16) as pool:
        answers = sorted(pool.map(submit, range(16)))
    assert answers == ["190405001"] + ["duplicate of 190405001"] * 15


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"starttime": "yesterday"}, "starttime"),
        ({"starttime": "2019"}, "starttime"),
        ({"starttime": "2019-02-30T00:00:00Z"}, "starttime"),
        ({"endtime": "2019-04-05T21:03:02Z"}, "the end is not after the start"),
        ({"endtime": "2019-04-05T20:00:00Z"}, "the end is not after the start"),
        ({"endtime": None}, "give endtime or duration"),
        ({"duration": 5}, "duration"),
        ({"duration": "ten"}, "duration"),
        ({"field_beam": 41}, "field_beam"),
        ({"field_ra": 361}, "field_ra"),
        ({"field_ra": float("inf")}, "field_ra"),
        ({"field_dec": -91}, "field_dec"),
        ({"field_name": "x" * 10_000}, "field_name"),
        ({"field_name": "a\0b"}, "field_name"),
        ({"field_name": " "}, "field_name"),
        ({"observing_mode": "imagin"}, "observing_mode"),
        ({"telescopes": "1"}, "telescopes"),
        ({"start_band": "a"}, "start_band"),
        ({"data_location": "/data"}, "data_location"),
        ({"data_location": "wcudata1:/data/../etc"}, "data_location"),
        ({"data_location": "wcudata1:/.atdb-disk/x"}, "data_location"),
        ({"data_location": "wcudata1:/data/.a.MS.atdb-removed"}, "data_location"),
        ({"data_location": "wcudata1:/data/.a.MS.0123456789ab.removing/x"}, "data_location"),
        ({"irods_collection": "../etc"}, "irods_collection"),
        ({"options": {"ndps": "many"}}, "ndps"),
        ({"options": {"x": "\0"}}, "options"),
        ({"taskID": "190405001"}, "taskID"),
        ({"field_nmae": "3C48"}, "field_nmae"),
    ],
)
def test_a_specification_that_cannot_be_read_changes_nothing(
    client: Client, url: str, fields: dict[str, object], named: str
) -> None:
    answer = httpx.post(
        f"{url}/atdb/observations/",
        content=json.dumps(SPECIFICATION | fields),
        headers={"Content-Type": "application/json"},
        auth=("astronomer", SECRETS["astronomer"]),
    )
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert client.count_observations() == 0
    assert client.create_observation(SPECIFICATION).taskID == "190405001"


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"field_name": NaN}'])
def test_malformed_json_is_a_400(url: str, body: bytes) -> None:
    answer = httpx.post(
        f"{url}/atdb/observations/",
        content=body,
        headers={"Content-Type": "application/json"},
        auth=("astronomer", SECRETS["astronomer"]),
    )
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request")


def test_times_may_change_until_the_telescope_starts(client: Client, observe: Callable[..., Observation]) -> None:
    made = observe(Status.SCHEDULED)
    moved = client.change_observation(made.id, starttime="2026-04-06T01:00:00Z", endtime="2026-04-06T02:00:00Z")
    assert (moved.duration, moved.taskID) == (3600, made.taskID)
    with pytest.raises(BadRequest):
        client.change_observation(made.id, endtime="2026-04-06T00:00:00Z")
    client.move(made.taskID, Status.STARTING)
    with pytest.raises(Conflict):
        client.change_observation(made.id, endtime="2026-04-06T03:00:00Z")


@pytest.mark.parametrize("field", ["field_name", "name", "starttime", "endtime", "data_location", "options"])
def test_a_field_that_every_observation_has_cannot_be_emptied(
    client: Client, observe: Callable[..., Observation], field: str
) -> None:
    made = observe()
    with pytest.raises(BadRequest, match=field):
        client.change_observation(made.id, **{field: None})
    assert client.change_observation(made.id, node=None, field_ha=None) == made


def test_a_refused_move_changes_no_field_either(client: Client, observe: Callable[..., Observation]) -> None:
    made = observe()
    with pytest.raises(Conflict):
        client.change_observation(made.id, node="arts001", new_status=Status.VALID)
    assert client.observation(made.taskID) == made


def test_put_with_some_fields_and_no_trailing_slash_works(url: str, observe: Callable[..., Observation]) -> None:
    made = observe()
    answer = httpx.put(
        f"{url}/atdb/observations/{made.id}",
        json={"new_status": "scheduled"},
        auth=("pipeline", SECRETS["pipeline"]),
    )
    assert (answer.status_code, answer.json()["my_status"]) == (200, "scheduled")
    answer = httpx.get(
        f"{url}/atdb/status?taskID={made.taskID}&name=scheduled", auth=("viewer", SECRETS["viewer"])
    )
    assert [step["previous"] for step in answer.json()["results"]] == ["defined"]


def test_only_what_never_started_can_be_deleted_and_its_history_stays(
    client: Client, observe: Callable[..., Observation]
) -> None:
    never = observe(Status.SCHEDULED, products=1)
    client.delete_observation(never.id)
    with pytest.raises(NotFound):
        client.observation(never.taskID)
    assert [step.name for step in client.history(taskID=never.taskID)] == ["defined", "scheduled"]
    assert not list(client.dataproducts(taskID=never.taskID))
    forced = observe(Status.SCHEDULED, products=1)
    client.move(forced.taskID, Status.COMPLETING, force=True, reason="observed by hand")
    with pytest.raises(Conflict):
        client.delete_observation(forced.id)
    for ending in ([Status.ABORTED], [Status.COMPLETING, Status.ON_HOLD], []):
        started = observe(Status.RUNNING, products=1)
        for status in ending:
            client.move(started.taskID, status)
        with pytest.raises(Conflict):
            client.delete_observation(started.id)
        with pytest.raises(Conflict):
            client.change_observation(started.id, endtime="2026-05-01T00:00:00Z")


def test_products_are_made_all_or_none(client: Client, observe: Callable[..., Observation]) -> None:
    task_id = observe(products=1).taskID
    taken, free = f"{task_id}_0.fits", "other.fits"
    with pytest.raises(Duplicate):
        client.create_dataproducts([NewDataProduct(taskID=task_id, filename=name) for name in (free, taken)])
    assert [p.filename for p in client.dataproducts(taskID=task_id)] == [taken]
    for name in ("../etc/passwd", "a/b", ".."):
        with pytest.raises(ValueError, match="must be the name of a file or directory"):
            NewDataProduct(taskID=task_id, filename=name)


def test_history_is_linear_while_many_move_at_once(url: str, observe: Callable[..., Observation]) -> None:
    task_id = observe(Status.SCHEDULED).taskID

    def move(number: int) -> bool:
        with Client(url, user="pipeline", secret=SECRETS["pipeline"]) as client:
            try:
                client.move(task_id, Status.STARTING, expect=[Status.SCHEDULED], owner=f"run {number}")
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(move, range(32))) == 1
    with Client(url, user="viewer", secret=SECRETS["viewer"]) as client:
        steps = client.observation(task_id).status_history
    assert [step.name for step in steps] == ["defined", "scheduled", "starting"]
    assert all(later.previous == earlier.name for earlier, later in pairwise(steps))


def test_a_product_keeps_its_description(client: Client, observe: Callable[..., Observation]) -> None:
    (product,) = client.dataproducts(taskID=observe(products=1).taskID)
    with pytest.raises(BadRequest, match="description"):
        client.change_dataproduct(product.id, description=None)
    assert client.change_dataproduct(product.id, quality="good").description == product.description
    assert client.change_dataproduct(product.id, description="first light").description == "first light"
