"""The products that ingest copies into the archive, and what it leaves alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from sqlalchemy import create_engine, text

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import ForbiddenMove
from atdb_interface.lifecycle import Actor, Status
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.identity import MARKER
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from operators.stages.remove import RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.observations import Make, in_archive, products_of, statuses


def test_atdb_knows_where_in_the_archive_each_copy_is(client: Client, archived: Make, archive_root: Path) -> None:
    made = archived(irods_collection="apertif_main")
    for product in products_of(client, made):
        assert product.archive_copy == f"file://{archive_root}/apertif_main/{made.taskID}/{product.filename}"


def test_an_archive_that_fills_up_is_the_reason_that_is_recorded(
    client: Client,
    validated: Make,
    context: Context,
    trouble: Callable[[Any], None],
) -> None:
    made = validated()
    second = products_of(client, made)[1].filename
    full = False

    def full_from_the_second_on(path: str) -> None:
        nonlocal full
        full = full or f"/.{second}." in path
        if full:
            raise OSError(28, "No space left on device")

    trouble(full_from_the_second_on)  # the manifest cannot be written either
    with pytest.raises(IngestError, match=r"cannot be written: “.*No space left"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["valid", "ingest error", "valid"]
    for history in (client.observation(made.taskID), products_of(client, made)[1]):
        assert history.my_status == "ingest error"
        assert "No space left" in history.status_history[-1].reason
    trouble(lambda _: None)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived"] * 3


def test_invalid_products_are_not_ingested(
    client: Client, written: Make, context: Context, archive_root: Path
) -> None:
    made = written()
    path_of(products_of(client, made)[1]).write_bytes(b"")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    client.move(made.taskID, Status.VALID, reason="ingest it after all")
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived", "invalid", "archived"]
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "invalid", "removed"]
    assert path_of(products_of(client, made)[1]).exists()


def test_what_is_being_ingested_can_no_longer_be_aborted(
    client: Client, validated: Make, context: Context, trouble: Callable[[Any], None]
) -> None:
    made = validated()
    refused = []

    def abort(path: str) -> None:
        with pytest.raises(ForbiddenMove) as refusal:
            client.move(made.taskID, Status.ABORTED, reason="too late")
        refused.append(refusal.value.extra["my_status"])

    trouble(abort)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert set(refused) == {"ingesting"}
    assert client.observation(made.taskID).my_status is Status.ARCHIVED


def test_there_is_nothing_to_ingest_of_an_observation_without_valid_products(
    client: Client, validated: Make, context: Context, archive_root: Path, owner_url: str
) -> None:
    made = validated()
    engine = create_engine(owner_url)
    with engine.begin() as connection:  # as an earlier version allowed it
        connection.execute(text("UPDATE dataproducts SET status = 'invalid'"))
    engine.dispose()
    with pytest.raises(IngestError, match="no valid data product"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR


def test_an_unknown_observation_fails_at_once(context: Context, archive_root: Path) -> None:
    with pytest.raises(AirflowFailException, match="990101001"):
        IngestProductsOperator(task_id="ingest").execute(context("990101001", "ingest"))


def test_a_paused_stage_begins_nothing(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    client.change_stage(Actor.INGEST, paused=True, reason="the archive is moved")
    with pytest.raises(AirflowSkipException, match="ingest is paused"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.VALID


def test_no_collection_reaches_what_another_observation_has_in_the_archive(
    client: Client, archived: Make, validated: Make, context: Context, archive_root: Path
) -> None:
    first = archived(irods_collection="apertif_main")
    folder = in_archive(archive_root, first)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    product = products_of(client, first)[0].filename
    for collection in (
        f"apertif_main/{first.taskID}",
        f"apertif_main/{first.taskID}/{product}",
        f"apertif_main/{first.taskID}/manifest.json",
        f"apertif_main/{first.taskID}/.{product}.0123456789ab.part",
    ):
        other = validated(irods_collection=collection)
        IngestProductsOperator(task_id="ingest").execute(context(other.taskID, "ingest"))
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        assert client.observation(other.taskID).irods_collection == collection
        assert {Path(p.archive_location or "").parent.name for p in products_of(client, other)} == {other.taskID}
    assert {path.name for path in archive_root.iterdir()} == {MARKER, "apertif_main", "imaging"}


def test_an_open_measurement_set_changes_a_lock_which_is_archived_and_not_compared(
    client: Client, written: Make, context: Context, archive_root: Path
) -> None:
    made = written()
    product = products_of(client, made)[0]
    lock = path_of(product) / "sub" / "table.lock"
    lock.write_bytes(b"validated")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    lock.write_bytes(b"opened by another program")
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    copy = in_archive(archive_root, made) / product.filename / "sub" / "table.lock"
    assert copy.read_bytes() == b"opened by another program"
    lock.write_bytes(b"opened by one more program")
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3


def test_nothing_is_archived_if_the_archive_is_unmounted_during_the_ingest(
    client: Client, validated: Make, context: Context, archive_root: Path, trouble: Callable[[Any], None]
) -> None:
    made = validated()
    (archive_root / "in use").touch()
    unmounted = archive_root.with_name("unmounted")

    def unmount(path: str) -> None:
        if not unmounted.exists():
            archive_root.rename(unmounted)
        Path(path).parent.mkdir(parents=True, exist_ok=True)  # nothing fails in the empty folder

    trouble(unmount)
    with pytest.raises(ArchiveError, match="Another disk is mounted"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert "archived" not in statuses(client, made)
    trouble(lambda _: None)
    shutil.rmtree(archive_root)
    unmounted.rename(archive_root)
    client.act(made.taskID, Action.RETRY)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 2"))
    assert statuses(client, made) == ["archived"] * 3


def test_a_product_without_a_checksum_is_not_ingested(
    client: Client, validated: Make, context: Context, archive_root: Path, sql: Sql
) -> None:
    made = validated()
    first, *_ = products_of(client, made)
    sql("update dataproducts set checksum = null where id = :id", id=first.id)  # as an earlier version allowed it
    with pytest.raises(IngestError, match=f"{first.filename} has no checksum. Use the action check."):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["ingest error", "archived", "archived"]
