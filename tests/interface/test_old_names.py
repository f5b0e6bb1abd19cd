"""Services that were written for Apertif's old client work with a running ATDB."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atdb_interface.atdb_interface import ATDB
from atdb_interface.client import Client
from atdb_interface.errors import BadRequest, ForbiddenMove, NotFound, NotOwner
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS
from tests.interface.conftest import write_config
from tests.specifications import COORDINATES

Observe = Callable[..., Observation]

SPECIFICATION = {
    "field_name": "3C147",
    "observing_mode": "imaging",
    **COORDINATES,
    "starttime": "2019-04-05T21:03:02Z",
    "duration": "300",
}


@pytest.fixture
def atdb(url: str) -> ATDB:
    return ATDB(f"{url}/atdb", user="admin", password=SECRETS["admin"])


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


@pytest.mark.parametrize("ending", ["", "/", "/atdb", "/atdb/"])
def test_the_host_is_an_address_however_it_ends(observe: Observe, url: str, ending: str) -> None:
    made = observe()
    atdb = ATDB(url + ending, False, "viewer", SECRETS["viewer"])
    assert atdb.do_GET("observations:taskID", made.id, None) == made.taskID


def test_the_host_is_a_preset_with_its_account_or_with_another(
    client: Client, observe: Observe, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_CONFIG", str(write_config(tmp_path / "c.toml", url, "pipeline")))
    made = observe()
    ATDB("prod").do_PUT("observations:new_status", made.id, "scheduled")
    ATDB("prod", user="operator", password=SECRETS["operator"]).do_PUT(
        "observations:new_status", made.id, "aborted"
    )
    actors = [step.actor for step in client.observation(made.taskID).status_history]
    assert actors == ["admin", "pipeline", "operator"]


def test_an_id_is_found_by_a_field_or_is_minus_one(atdb: ATDB, observe: Observe) -> None:
    observe()
    made = observe(products=1)
    assert atdb.do_GET_ID("observations:taskID", made.taskID) == made.id
    assert atdb.do_GET_ID("observations:taskID", "990101001") == "-1"
    assert [atdb.do_GET_ID("dataproducts:taskID", made.taskID)] == made.generated_dataproducts


def test_a_field_is_given_by_id_or_taskid(atdb: ATDB, observe: Observe) -> None:
    made = observe(Status.VALID, products=2)
    assert atdb.do_GET("observations:my_status", made.id, None) == "valid"
    assert atdb.do_GET(key="observations:field_name", id=None, taskid=made.taskID) == "3C48"
    assert atdb.do_GET("dataproducts:filename", made.generated_dataproducts[1], None) == f"{made.taskID}_1.fits"
    with pytest.raises(NotFound, match="990101001"):
        atdb.do_GET("observations:my_status", None, "990101001")
    with pytest.raises(BadRequest):
        atdb.do_GET("observations:my_status", None, None)
    for key in ("observations", "observations:", "observations:no_such"):
        with pytest.raises(BadRequest):
            atdb.do_GET(key, made.id, None)


def test_a_list_holds_all_pages_of_what_matches_the_query(
    atdb: ATDB, observe: Observe, capsys: pytest.CaptureFixture[str]
) -> None:
    held, valid, _ = observe(Status.ON_HOLD), observe(Status.VALID), observe()
    query = "my_status__in=valid,on hold&observing_mode__icontains="
    assert atdb.do_GET_LIST("observations:taskID", query) == [held.taskID, valid.taskID]
    assert atdb.do_GET_LIST("observations:taskID", f"{query}&page_size=1&ordering=-starttime") == [
        valid.taskID,
        held.taskID,
    ]
    assert atdb.do_GET_LIST("observations:id", "my_status=running") == []
    assert atdb.do_GET_LIST("observations:id", "field_name=") == []
    with pytest.raises(BadRequest, match="twice"):
        atdb.do_GET_LIST("observations:id", "my_status=running&my_status=valid")
    assert capsys.readouterr().out == ""


def test_verbose_prints_each_request(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    ATDB(url, verbose=True, user="viewer", password=SECRETS["viewer"]).do_GET_LIST("observations:id", "")
    assert "GET observations id" in capsys.readouterr().out


def test_the_next_observation_is_the_one_that_starts_nearest_to_now(atdb: ATDB, observe: Observe) -> None:
    assert atdb.do_GET_NextObservation("scheduled", "", "") == (None, None)
    imaging = observe(Status.SCHEDULED, starttime=in_minutes(30))
    observe(Status.SCHEDULED, starttime=in_minutes(60))
    observe(starttime=in_minutes(1))
    task_id, minutes_left = atdb.do_GET_NextObservation("scheduled")
    assert task_id == imaging.taskID
    assert minutes_left == pytest.approx(30, abs=1)

    sc4 = observe(Status.SCHEDULED, starttime=in_minutes(-10), observing_mode="arts_sc4_survey")
    observe(Status.SCHEDULED, starttime=in_minutes(-90))
    task_id, minutes_left = atdb.do_GET_NextObservation("scheduled", "", "")
    assert task_id == sc4.taskID
    assert minutes_left == pytest.approx(-10, abs=1)
    assert atdb.do_GET_NextObservation("scheduled", "imaging", "wcudata1")[0] == imaging.taskID
    assert atdb.do_GET_NextObservation("scheduled", "", "arts001")[0] == sc4.taskID
    assert atdb.do_GET_NextObservation("scheduled", "sc4", "wcudata1") == (None, None)


def test_a_put_moves_or_changes_by_id_or_taskid(atdb: ATDB, client: Client, observe: Observe) -> None:
    made = observe(products=2)
    atdb.do_PUT("observations:new_status", made.id, "scheduled", None)
    atdb.do_PUT(key="observations:new_status", id=None, value="starting", taskid=made.taskID)
    assert client.observation(made.taskID).my_status is Status.STARTING
    with pytest.raises(ForbiddenMove, match="starting"):
        atdb.do_PUT("observations:new_status", None, "removed", made.taskID)
    with pytest.raises(BadRequest, match="my_status"):
        atdb.do_PUT("observations:my_status", made.id, "running", None)
    with pytest.raises(NotFound):
        atdb.do_PUT("observations:node", None, "arts001", "990101001")
    with pytest.raises(BadRequest, match="do_PUT_LIST"):
        atdb.do_PUT("dataproducts:quality", None, "good", made.taskID)
    with pytest.raises(BadRequest, match="leases"):
        atdb.do_PUT("leases:owner", 1, "me", None)
    atdb.do_PUT("dataproducts:quality", made.generated_dataproducts[0], "good")
    assert [p.quality for p in client.dataproducts()] == ["good", None]


def test_a_put_list_reaches_every_product_of_that_taskid_and_no_other(
    atdb: ATDB, client: Client, observe: Observe
) -> None:
    made, other = observe(products=3), observe(products=1)
    atdb.do_PUT_LIST("dataproducts:quality", made.taskID, "poor")
    assert {p.quality for p in client.dataproducts(taskID=made.taskID)} == {"poor"}
    assert {p.quality for p in client.dataproducts(taskID=other.taskID)} == {None}


def test_a_put_list_states_no_facts_about_data(atdb: ATDB, client: Client, observe: Observe) -> None:
    made = observe(Status.CHECKING, products=2)
    for key, value in (("new_status", "valid"), ("size", 7), ("checksum", "ab" * 32)):
        with pytest.raises(NotOwner, match="lease of validate"):
            atdb.do_PUT_LIST(f"dataproducts:{key}", made.taskID, value)
    assert {(p.my_status, p.size) for p in client.dataproducts()} == {(ProductStatus.DEFINED, None)}


@pytest.mark.parametrize("payload", [SPECIFICATION, json.dumps(SPECIFICATION)], ids=["dict", "JSON"])
def test_an_observation_is_posted(atdb: ATDB, client: Client, payload: str | dict[str, str]) -> None:
    atdb.do_POST_json("observations", payload)
    assert client.observation("190405001").field_name == "3C147"


def test_defined_may_be_asked_for_and_nothing_else_that_is_not_known_is_dropped(
    atdb: ATDB, client: Client
) -> None:
    for refused in ({"new_status": "valid"}, {"taskID": "190405001", "new_status": "defined"}, {"pointing": "1"}):
        with pytest.raises(BadRequest, match=next(iter(refused))):
            atdb.do_POST("observations", SPECIFICATION | refused)
    assert client.count_observations() == 0
    specification = SPECIFICATION | {"new_status": "defined"}
    atdb.do_POST("observations", specification)
    assert client.observation("190405001").my_status is Status.DEFINED
    assert specification["new_status"] == "defined"


def test_the_loose_notation_is_read(atdb: ATDB, client: Client, observe: Observe) -> None:
    task_id = observe().taskID
    atdb.do_POST("dataproducts", f"{{name=a, filename=a.MS,taskID={task_id},data_location=wcudata1:/data/x}}")
    atdb.do_POST("dataproducts", f"{{name:b,filename:b.MS,taskID:{task_id}}}")
    atdb.do_POST("dataproducts", f'{{"filename": "c.MS", "taskID": "{task_id}", "description": "x, y=z"}}')
    a, b, c = client.dataproducts()
    assert (a.name, a.filename, a.data_location) == ("a", "a.MS", "wcudata1:/data/x")
    assert (b.name, b.filename, c.description) == ("b", "b.MS", "x, y=z")
    atdb.do_POST("status", f"{{name:scheduled,taskID:{task_id}}}")
    assert client.observation(task_id).my_status is Status.SCHEDULED
    for payload in ("", "{}x", "[1]", "{filename=a.MS,what}", '{"filename": }'):
        with pytest.raises(BadRequest):
            atdb.do_POST("dataproducts", payload)
    with pytest.raises(BadRequest, match="summary"):
        atdb.do_POST("summary", {"count": 1})


def test_many_products_are_posted_all_or_none(atdb: ATDB, client: Client, observe: Observe) -> None:
    task_id = observe().taskID
    products = [{"filename": f"{task_id}_B00{n}.MS", "description": "visibilities"} for n in range(3)]
    assert atdb.do_POST_dataproducts(task_id, products) == task_id
    with pytest.raises(BadRequest, match="colour"):
        atdb.do_POST_dataproducts(task_id, [{"filename": "d.MS"}, {"filename": "e.MS", "colour": "red"}])
    assert client.count_dataproducts(taskID=task_id) == 3


def test_an_id_or_a_range_of_ids_is_deleted(atdb: ATDB, client: Client, observe: Observe) -> None:
    made = [observe() for _ in range(6)]
    atdb.do_DELETE("observations", made[1].id)
    with pytest.raises(NotFound):
        atdb.do_DELETE("observations", made[1].id)
    atdb.do_DELETE("observations", f"{made[0].id}..{made[3].id}")
    assert [o.taskID for o in client.observations()] == [o.taskID for o in made[4:]]
    with pytest.raises(BadRequest, match="status"):
        atdb.do_DELETE("status", 1)


def test_a_whole_observation_is_a_dict(atdb: ATDB, observe: Observe) -> None:
    made = observe(Status.VALID)
    assert atdb.do_GET_Observation(made.taskID) == made.model_dump(mode="json")
