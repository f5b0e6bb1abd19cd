"""Tests for a process that uses the imaginary instrument; `test_imaginary.py` starts it."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from atdb_interface.client import Client
from atdb_interface.errors import BadRequest
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.observe import RunObservationOperator, StartObservationOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.specify import SpecifyObservationOperator
from operators.stages.validate import ValidateProductsOperator
from tests.conftest import SECRETS
from tests.instruments.imaginary import SUN
from tests.instruments.imaginary_fixtures import Submit
from tests.operators.contexts import Context
from tests.operators.observations import Observe

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)
SPECIFICATION = {"field_name": "Sun", "observing_mode": "burst", "starttime": SOON.isoformat(), "duration": 60}


def test_it_is_the_only_one_that_is_loaded() -> None:
    assert instrument() is SUN
    assert not [name for name in sys.modules if name.startswith("atdb_interface.instruments.apertif")]


def test_an_observation_goes_from_its_own_schedule_to_its_own_folder_in_the_archive(
    client: Client,
    context: Context,
    orders: list[Any],
    data_root: Path,
    archive_root: Path,
    submit: Submit,
) -> None:
    done = submit(f"spectrum_solar,Sun,{SOON.isoformat()},60,7")
    assert (done.returncode, done.stderr) == (0, "")
    (made,) = client.observations()
    assert made.taskID == f"S{SOON:%Y%m%d}N1"
    assert made.taskID in done.stdout
    assert made.data_location == "sun1:/data"

    SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
    products = list(client.dataproducts(taskID=made.taskID, ordering="id"))
    assert [(product.filename, product.dataproduct_type) for product in products] == [
        (f"SUN_{made.taskID}.spectrum", "spectrum"),
        (f"SUN_{made.taskID}.frames", "image"),
    ]

    StartObservationOperator(task_id="start").execute(context(made.taskID, "observe"))
    (order,) = orders
    assert order["taskID"] == made.taskID
    filenames = sorted(product.filename for product in products)
    sent = json.loads(order["parset"])
    assert (sent["track"], sent["gain"], sorted(sent["to"])) == ("Sun", 7, filenames)

    RunObservationOperator(task_id="run").execute(context(made.taskID, "observe"))
    client.move(made.taskID, Status.COMPLETING)
    (data_root / "sun1" / "data").mkdir(parents=True)
    spectrum, frames = map(path_of, products)
    spectrum.write_bytes(b"a quiet day")
    frames.mkdir()
    (frames / "0001").write_bytes(b"round")
    (frames / "viewer.lock").write_bytes(b"a program shows the frames")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED
    assert [product.size for product in client.dataproducts(taskID=made.taskID, ordering="id")] == [11, 5]
    (frames / "viewer.lock").unlink()
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert client.observation(made.taskID).my_status is Status.REMOVED
    assert not frames.exists()
    folder = archive_root / "sun" / f"{SOON:%Y}" / f"{SOON:%m}" / made.taskID
    assert (folder / spectrum.name).read_bytes() == b"a quiet day"
    assert (folder / frames.name / "0001").read_bytes() == b"round"


def test_a_file_in_the_place_of_its_kind_of_directory_is_invalid(
    client: Client, context: Context, observe: Observe, data_root: Path
) -> None:
    made = observe(Status.COMPLETING, observing_mode="spectrum")
    client.create_dataproducts([{"taskID": made.taskID, "filename": "a.frames"}])
    (product,) = client.dataproducts(taskID=made.taskID)
    (data_root / "sun1" / "data").mkdir(parents=True)
    path_of(product).write_bytes(b"a file")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    (product,) = client.dataproducts(taskID=made.taskID)
    assert (product.my_status, product.dataproduct_type) == ("invalid", "spectrum")
    assert product.status_history[-1].reason.startswith(
        "WrongKind: The data product is a file instead of a directory."
    )


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("observing_mode", "imaging", "does not begin with one of spectrum, burst"),
        ("options", {"gian": 1}, r"options\.gian: .*did you mean gain\?"),
        ("options", {"gain": 11}, "gain: Input should be less than or equal to 10"),
    ],
)
def test_what_it_does_not_know_is_refused(client: Client, field: str, value: Any, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem):
        client.create_observation({**SPECIFICATION, field: value})


def test_what_it_does_not_limit_is_kept(client: Client) -> None:
    made = client.create_observation(
        {**SPECIFICATION, "field_beam": 4000, "telescopes": "both", "options": {"mirror": 1}}
    )
    assert (made.field_beam, made.telescopes, made.options) == (4000, "both", {"mirror": 1})


def test_a_line_of_its_schedule_that_is_no_specification_is_named(submit: Submit) -> None:
    refused = submit(f"spectrum,Sun,{SOON.isoformat()},0,7")
    assert refused.returncode == 2
    assert "today.csv, line 2: --duration" in refused.stderr


def test_a_burst_without_a_report_of_the_data_writer_completes_automatically(
    client: Client, observe: Observe
) -> None:
    made: Observation = observe(Status.RUNNING, observing_mode="burst")
    assert made.status_after_timeout(made.status_since + timedelta(minutes=6)) is Status.COMPLETING
    assert "observe sets the status to completing" in client.why(made.taskID).why


def test_the_plan_has_a_row_for_each_of_its_kinds_of_modes(url: str, observe: Observe) -> None:
    for mode in ("spectrum_solar", "spectrum_calibration", "burst"):
        made = observe(observing_mode=mode)
    with httpx.Client(base_url=url) as browser:
        browser.post("/atdb/login/", json={"name": "viewer", "password": SECRETS["viewer"]}).raise_for_status()
        page = browser.get("/plan/", params={"day": f"{made.starttime:%Y-%m-%d}"})
    titles = [part.partition(">")[2].partition("<")[0] for part in page.text.split('class="row-title"')[1:]]
    assert titles == ["burst", "spectrum"]
    assert made.taskID in page.text


def test_the_document_of_the_api_says_what_it_allows(url: str) -> None:
    schemas = httpx.get(f"{url}/atdb/openapi.json").json()["components"]["schemas"]
    new = schemas["NewObservation"]["properties"]
    assert "(spectrum|burst)" in new["observing_mode"]["pattern"]
    assert new["options"]["properties"] == {"gain": {"type": "integer", "minimum": 0, "maximum": 10}, "mirror": {}}
    product = schemas["NewDataProduct"]["properties"]
    assert product["taskID"]["pattern"] == "^S[0-9]{8}N[0-9]+$"
    assert product["dataproduct_type"]["default"] == "spectrum"
