"""The server accepts exactly the values that the schemas allow, and also numbers and flags as text."""

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel, ValidationError

from atdb_interface.dataproducts import DataProductChange, NewDataProduct, ProductMove
from atdb_interface.observations import NewObservation, ObservationChange

NUMBERS: list[Any] = [
    *(0, 1, 39, 40, -1, 359.5, 360, 360.5, 90, 90.5, -90, 1000, 1001, 165.0, 165.5, 2_000_000_000, 2_000_000_001),
    *("", " ", "nan", "inf", "0x1", "one", "٣", True, False, None, [], {}),
]
NUMERIC = (
    "field_ra",
    "field_ha",
    "field_dec",
    "field_beam",
    "integration_factor",
    "central_frequency",
    "priority",
)
FLAGS: list[Any] = [True, False, "", "2", "perhaps", 0, 1, 2, None]
TEXTS: list[Any] = [
    *("x", " x ", " ", "\u2003", "", "a\nb", "a\x7fb", "é", "x" * 200, "x" * 201, None, 1),
    *(
        "a\u2028b",
        "a\u2029b",
        "a\x85b",
        "a\x9fb",
        "a\xa0b",
        "a\u202eb",
        "a\u2069b",
        "\u061c",
        "\u200b",
        "a\tb\r\nc",
    ),
]
FILES: list[Any] = [
    *TEXTS,
    *(
        "a.fits",
        ".a",
        "a/b",
        "a*",
        "[a]",
        "manifest.json",
        "manifest.json2",
        "a b",
        "\\",
        "a,b.fits",
        ",",
        "a;b=c.MS",
    ),
]
PATHS: list[Any] = [
    *("/a/b", "a", "/a/../b", "..", "../a", "a/..", "...", "/a/..b", "/.a/.", "a*", "", "a\tb", None),
    *("h:/a\u2028", "h:/a\u202e", "a\x85b", "h:/a,b", "a,b"),
    *("h:/a", "h:/a/../b", "h:/..", "h:/a..", "h:a", ":/a", "-h:/a", "h.x-1:/a/*", "h:/", "h:/\x00"),
]
MODES: list[Any] = [
    "imaging",
    "imaging_pointing",
    " imaging ",
    "imagingx",
    "arts_sc1",
    "arts_sc4_survey",
    "arts",
    "",
    "arts_sc1_/../../x",
    "imaging_a\\b",
    "imaging_a,b",
    "imaging_\u2028",
]
OPTIONS: list[Any] = [
    *({}, {"process_triggers": [1]}, {" ": 1}, {"a\n": 1}),
    *({"ndps": 5}, {"ndps": 5.0}, {"ndps": "0"}, {"ndps": "1.0"}),
    *({"ndps": 1001}, {"ndps": "1001"}, {"ndps": None}, {"ndps": True}, {"ndps": 5.5}, {"ndps": "five"}),
]
NEW = {"field_name": "3C48", "observing_mode": "imaging", "starttime": "2026-04-05T06:00:00Z"}
PRODUCT = {"taskID": "260405001", "filename": "a.fits"}


@pytest.mark.parametrize(
    ("model", "whole", "field", "values"),
    [
        *((ObservationChange, {}, field, NUMBERS) for field in NUMERIC),
        (NewObservation, NEW, "duration", [number for number in NUMBERS if number is not None]),
        (NewDataProduct, PRODUCT, "size", NUMBERS),
        (ObservationChange, {}, "skip_auto_ingest", FLAGS),
        (ObservationChange, {"reason": "because"}, "force", FLAGS),
        (ObservationChange, {}, "field_name", TEXTS),
        (ObservationChange, {}, "beamPattern", TEXTS),
        (DataProductChange, {"force": True}, "reason", TEXTS),
        (NewDataProduct, PRODUCT, "filename", FILES),
        (ProductMove, {}, "filename", FILES),
        (ObservationChange, {}, "irods_collection", PATHS),
        (ObservationChange, {}, "data_location", PATHS),
        (NewObservation, NEW | {"duration": 1}, "observing_mode", MODES),
        (ObservationChange, {}, "options", OPTIONS),
    ],
)
def test_the_schema_allows_just_what_is_read(
    model: type[BaseModel], whole: dict[str, Any], field: str, values: list[Any]
) -> None:
    validator = Draft202012Validator(model.model_json_schema())
    for value in values:
        body = whole | {field: value}
        assert validator.is_valid(body) == is_read(model, body), (field, value)


def is_read(model: type[BaseModel], body: dict[str, Any]) -> bool:
    try:
        model.model_validate_json(json.dumps(body))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("x" * 200, True),
        ("é" * 100, True),
        ("é" * 101, False),
        ("日" * 66, True),
        ("日" * 67, False),
        ("😀" * 60 + "x", False),
    ],
)
def test_the_limit_of_a_file_name_counts_bytes(name: str, fits: bool) -> None:
    assert (len(name.encode()) <= 200) == fits
    assert is_read(NewDataProduct, PRODUCT | {"filename": name}) == fits
    suffixes = len(f".{name}.{'0' * 12}.removing".encode())
    assert suffixes <= 255 or not fits


def test_a_name_of_an_earlier_version_can_still_be_moved() -> None:
    for name in ("a,b.fits", "é" * 120):
        assert not is_read(NewDataProduct, PRODUCT | {"filename": name})
        assert is_read(ProductMove, {"filename": name})


def test_the_limit_of_a_directory_counts_bytes() -> None:
    assert is_read(NewDataProduct, PRODUCT | {"data_location": f"h:/a/{'é' * 127}x/{'b' * 255}"})
    assert not is_read(NewDataProduct, PRODUCT | {"data_location": f"h:/a/{'é' * 128}"})


def test_numbers_and_flags_may_come_as_text() -> None:
    text = {"field_ra": "+41.50", "field_beam": "07", "priority": "-5", "skip_auto_ingest": "True"}
    new = NewObservation.model_validate_json(
        json.dumps(NEW | text | {"duration": "300", "options": {"ndps": "005"}})
    )
    assert (new.duration, new.field_ra, new.field_beam, new.priority) == (300, 41.5, 7, -5)
    assert new.skip_auto_ingest
    assert new.options == {"ndps": "005"}


@pytest.mark.parametrize("flag", ["true", "False", "YES", "no", "on", "0", "1"])
def test_a_flag_may_come_as_a_word(flag: str) -> None:
    assert is_read(ObservationChange, {"skip_auto_ingest": flag})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("field_beam", "40"),
        ("field_beam", "-1"),
        ("field_beam", "1.5"),
        ("field_ra", "360"),
        ("field_dec", "90.1"),
        ("central_frequency", "0.0"),
        ("priority", "1001"),
        ("integration_factor", "2000000001"),
    ],
)
def test_a_number_as_text_has_the_same_limits(field: str, text: str) -> None:
    assert not is_read(ObservationChange, {field: text})
