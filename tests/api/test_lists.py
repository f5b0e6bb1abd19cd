"""Filters, ordering and pages, compared with the same query in Python."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask
from jsonschema_rs import Draft202012Validator

from atdb_api.openapi.parameters import lookups
from atdb_api.rest import resources
from atdb_api.rest.endpoint import contracts
from atdb_api.rest.resource import Resource
from atdb_api.search.columns import OBSERVATION_COLUMNS
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from tests.conftest import SECRETS

Observe = Callable[..., Observation]
Judge = Callable[[dict[str, Any]], bool]

QUESTIONS: list[tuple[dict[str, str], Judge]] = [
    ({"my_status": "valid"}, lambda o: o["my_status"] == "valid"),
    ({"my_status__in": "valid,on hold"}, lambda o: o["my_status"] in ("valid", "on hold")),
    ({"my_status__ne": "valid"}, lambda o: o["my_status"] != "valid"),
    ({"my_status__icontains": "ERR"}, lambda o: "err" in o["my_status"]),
    ({"observing_mode__icontains": "SC4"}, lambda o: "sc4" in o["observing_mode"]),
    ({"observing_mode__contains": "SC4"}, lambda o: "SC4" in o["observing_mode"]),
    ({"field_name__startswith": "3C_"}, lambda o: o["field_name"].startswith("3C_")),
    ({"field_name__endswith": "%"}, lambda o: o["field_name"].endswith("%")),
    ({"field_name__contains": "\\"}, lambda o: "\\" in o["field_name"]),
    ({"taskID__gt": "260405003"}, lambda o: o["taskID"] > "260405003"),
    ({"field_ra__gte": "10", "field_ra__lt": "30"}, lambda o: 10 <= (o["field_ra"] or 0) < 30),
    ({"field_ra__range": "10,30"}, lambda o: 10 <= (o["field_ra"] or 0) <= 30),
    ({"field_ra__isnull": "true"}, lambda o: o["field_ra"] is None),
    ({"field_ra__isnull": "false"}, lambda o: o["field_ra"] is not None),
    ({"starttime__gte": "2026-04-05T06:30:00Z"}, lambda o: o["starttime"] >= "2026-04-05T06:30:00Z"),
    ({"starttime__lt": "2026-04-05"}, lambda o: o["starttime"] < "2026-04-05T00:00:00Z"),
    ({"duration": "300"}, lambda o: o["duration"] == 300),
    ({"skip_auto_ingest": "true"}, lambda o: o["skip_auto_ingest"]),
]


@pytest.fixture
def observations(client: Client, observe: Observe) -> list[dict[str, Any]]:
    names = ["3C48", "3C_8", "100%", "a\\b", "S2248+33", "3C147"]
    modes = ["imaging", "arts_sc1_timing", "arts_sc4_survey"]
    statuses = [Status.VALID, Status.ON_HOLD, Status.INGEST_ERROR, Status.DEFINED]
    for n in range(12):
        observe(
            statuses[n % 4],
            field_name=names[n % 6],
            observing_mode=modes[n % 3],
            field_ra=None if n % 5 == 0 else n * 5.0,
            field_ha=1.5 if n % 5 == 0 else None,
            duration=300 + 60 * (n % 2),
            skip_auto_ingest=n % 4 == 1,
        )
    return [o.model_dump(mode="json") for o in client.observations()]


def test_each_lookup_finds_what_python_finds(client: Client, observations: list[dict[str, Any]]) -> None:
    for parameters, judge in QUESTIONS:
        listed = [o.taskID for o in client.observations(**parameters)]
        assert listed == [o["taskID"] for o in observations if judge(o)], parameters


def test_pages_add_up_in_the_order_asked_for(client: Client, observations: list[dict[str, Any]]) -> None:
    listed = list(client.observations(page_size=5, ordering="-field_name,starttime"))
    expected = sorted(observations, key=lambda o: o["starttime"])
    expected.sort(key=lambda o: o["field_name"], reverse=True)
    assert [o.taskID for o in listed] == [o["taskID"] for o in expected]


def test_a_page_names_its_neighbours(url: str, observations: list[dict[str, Any]]) -> None:
    auth = ("viewer", SECRETS["viewer"])
    first = httpx.get(f"{url}/atdb/observations?page_size=5&field_name__icontains=c", auth=auth).json()
    assert (first["count"], first["previous"], len(first["results"])) == (6, None, 5)
    second = httpx.get(first["next"], auth=auth).json()
    assert second["next"] is None
    assert httpx.get(second["previous"], auth=auth).json() == first


@pytest.mark.parametrize(
    "parameters",
    [
        {"nothing": "1"},
        {"my_status": "foo"},
        {"my_status__like": "a"},
        {"starttime__gte": "soon"},
        {"field_ra": "nan"},
        {"id": "1.5"},
        {"field_ra__range": "1"},
        {"field_name": "a\0"},
        {"page_size": "1001"},
        {"page": "0"},
        {"ordering": "password"},
        {"skip_auto_ingest": "perhaps"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(url: str, parameters: dict[str, str]) -> None:
    answer = httpx.get(f"{url}/atdb/observations/", params=parameters, auth=("viewer", SECRETS["viewer"]))
    assert answer.status_code == 400
    assert next(iter(parameters)).partition("__")[0] in answer.json()["detail"]


def test_sql_in_a_filter_is_only_text(client: Client, observations: list[dict[str, Any]]) -> None:
    assert client.count_observations(field_name="'; drop table observations; --") == 0
    assert client.count_observations() == len(observations)


NAMES = ("M31, north", "M31", " north", "a\\b", "a\\", "b", "b,c")


@pytest.fixture
def named(observe: Observe) -> dict[str, str]:
    """Observations with commas and backslashes in their names: the taskID of each."""
    return {name: observe(name="x", control_parameters=name).taskID for name in NAMES}


def test_a_value_with_a_comma_is_one_value(client: Client, named: dict[str, str]) -> None:
    for name in NAMES:
        assert [o.taskID for o in client.observations(control_parameters__in=[name])] == [named[name]]
        assert [o.taskID for o in client.observations(control_parameters__range=[name, name])] == [named[name]]
        assert [o.taskID for o in client.observations(control_parameters=name)] == [named[name]]
    others = client.observations(control_parameters__in__exclude=["M31, north", "a\\"])
    assert {o.control_parameters for o in others} == {*NAMES} - {"M31, north", "a\\"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([("control_parameters__in", r"M31\, north,b")], {"M31, north", "b"}),
        ([("control_parameters__in", "M31, north")], {"M31", " north"}),
        ([("control_parameters__in", "M31"), ("control_parameters__in", r"b\,c")], {"M31", "b,c"}),
        ([("control_parameters__in", r"a\\"), ("control_parameters__in", "b")], {"a\\", "b"}),
        ([("control_parameters__range", "a"), ("control_parameters__range", "b")], {"a\\b", "a\\", "b"}),
        ([("control_parameters__contains", "M31"), ("control_parameters__contains", ",")], {"M31, north"}),
    ],
)
def test_a_list_can_be_split_into_several_parameters(
    url: str, named: dict[str, str], query: list[tuple[str, str]], expected: set[str]
) -> None:
    answer = httpx.get(f"{url}/atdb/observations/", params=tuple(query), auth=("viewer", SECRETS["viewer"])).json()
    assert {item["control_parameters"] for item in answer["results"]} == expected


def test_lists_of_names_can_be_split_too(url: str, observe: Observe) -> None:
    observe(Status.VALID), observe(Status.ON_HOLD)
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as http:
        split = http.get("/observations/?fields=id&fields=taskID&ordering=priority&ordering=-id").json()
        assert split == http.get("/observations/?fields=id,taskID&ordering=priority,-id").json()
        assert http.get("/claims/?statuses=valid&statuses=on%20hold").json() == {"waiting": 2}
        split = http.get("/summary/?group_by=my_status&group_by=observing_mode").json()
        assert split == http.get("/summary/?group_by=my_status,observing_mode").json()


LISTS = (
    "",
    ",",
    "1",
    "1,2",
    "1,2,3",
    r"1\,2",
    r"1\,2,3",
    "a",
    "a,b",
    r"a\b",
    "a\\",
    r"a\\",
    r"a\\,b",
    r"a\\\,b",
    "\\,\\",
)


@pytest.mark.parametrize(
    "parameter", ["field_name__in", "field_name__range", "id__in", "id__range", "options__in"]
)
def test_the_document_allows_just_the_lists_that_are_read(url: str, parameter: str) -> None:
    validator = Draft202012Validator(lookups(OBSERVATION_COLUMNS))
    read = set()
    with httpx.Client(base_url=f"{url}/atdb", auth=("viewer", SECRETS["viewer"])) as http:
        for text in LISTS:
            answer = http.get("/observations/", params={parameter: text})
            assert answer.is_success == validator.is_valid({parameter: text}), (text, answer.text)
            read.add(answer.status_code)
    assert read == {200, 400}


def test_a_walk_ends_where_what_matches_becomes_less_on_the_way(client: Client, observe: Observe) -> None:
    made = [observe() for _ in range(3)]
    walk = client.observations(my_status="defined", page_size=1)
    assert next(walk).taskID == made[0].taskID
    for observation in made:
        client.move(observation.taskID, Status.ABORTED)
    assert list(walk) == []


def test_every_resource_that_is_described_has_a_list(app: Flask) -> None:
    described = {each.name for each in vars(resources).values() if isinstance(each, Resource)}
    with app.app_context():
        listed = {contract.lists.name for contract in contracts().values() if contract.lists}
    assert described == listed
