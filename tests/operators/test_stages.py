"""All stages from end to end, with real files, a real archive and a real ATDB, but without the scheduler."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from operators.data import reserve
from operators.data.data_disks import MARKER
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.specify import SpecifyObservationOperator
from operators.stages.validate import ValidateProductsOperator
from tests.file_records import records_of
from tests.operators.contexts import Context
from tests.operators.observations import (
    Make,
    Observe,
    in_archive,
    names_of_history,
    products_of,
    statuses,
)


def test_a_specification_gets_its_products_and_is_scheduled(
    client: Client, observe: Observe, context: Context
) -> None:
    made = observe(observing_mode="arts_sc1_timing", options={"ndps": "3"})
    for _ in range(2):
        SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
        assert names_of_history(client, made) == ["defined", "scheduled"]
        assert len(products_of(client, made)) == 3
    assert client.observation(made.taskID).status_history[-1].owner == "specify/run 1"


def test_a_second_run_of_specify_skips(client: Client, observe: Observe, context: Context) -> None:
    made = observe()
    SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
    with pytest.raises(AirflowSkipException, match="scheduled already"):
        SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify", run="run 2"))
    assert names_of_history(client, made) == ["defined", "scheduled"]


def test_specify_continues_after_a_killed_attempt(client: Client, observe: Observe, context: Context) -> None:
    made = observe()
    SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
    other = observe()
    client.create_dataproducts(
        [
            {"taskID": other.taskID, "filename": p.filename.replace(made.taskID, other.taskID)}
            for p in products_of(client, made)[:7]
        ]
    )
    SpecifyObservationOperator(task_id="specify").execute(context(other.taskID, "specify"))
    assert len(products_of(client, other)) == 40
    assert client.observation(other.taskID).my_status is Status.SCHEDULED


def test_an_aborted_specification_is_not_scheduled(client: Client, observe: Observe, context: Context) -> None:
    made = observe(Status.ABORTED)
    with pytest.raises(AirflowSkipException):
        SpecifyObservationOperator(task_id="specify").execute(context(made.taskID, "specify"))
    assert client.observation(made.taskID).my_status is Status.ABORTED
    assert products_of(client, made) == []


@pytest.mark.parametrize("key", ["", None])
def test_a_run_for_no_observation_fails_at_once(context: Context, key: Any) -> None:
    for operator in (
        SpecifyObservationOperator,
        ValidateProductsOperator,
        IngestProductsOperator,
        RemoveProductsOperator,
    ):
        with pytest.raises(AirflowFailException, match="partition key"):
            operator(task_id="t").execute(context(key, "ingest"))


def test_data_go_from_completing_to_removed_and_are_in_the_archive(
    client: Client, written: Make, context: Context, data_root: Path, archive_root: Path
) -> None:
    made = written(irods_collection="apertif_main/wcudata")
    sources = {p.filename: records_of(path_of(p)) for p in products_of(client, made)}
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert {p.filename: (p.size, p.checksum) for p in products_of(client, made)} == {
        name: (sum(record.size for record in records), product_checksum(records))
        for name, records in sources.items()
    }
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived"] * 3
    assert all(path_of(product).exists() for product in products_of(client, made))
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3
    assert names_of_history(client, made)[4:] == [
        "completing", "checking", "valid", "ingesting", "archived", "removing", "removed",
    ]  # fmt: skip
    folder = in_archive(archive_root, made)
    assert {name: records_of(folder / name) for name in sources} == sources
    assert {path.name for path in folder.iterdir()} == {*sources, "manifest.json"}
    assert {path.name for path in data_root.rglob("*") if path.is_file()} == {MARKER, reserve.NAME}
