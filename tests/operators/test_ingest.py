"""Products in the archive are complete, and others are retried."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from sqlalchemy import create_engine, text

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.errors import ForbiddenMove
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.observations import Observation
from atdb_plugins.archive.folder import ArchiveError
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from operators.stages.remove import RemoveError, RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.conftest import Context
from tests.operators.observations import (
    Make,
    in_archive,
    last,
    names_of_history,
    parts_in,
    products_of,
    statuses,
)


def validate_and_ingest(made: Observation, context: Context) -> None:
    """Do both stages again, in runs of their own."""
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="again"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="again"))


def test_a_failing_product_stops_no_other_and_marks_the_observation_in_the_last_attempt_only(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    first, second, _ = (product.filename for product in products_of(client, made))
    broken = path_of(products_of(client, made)[1])
    whole = broken.read_bytes()
    broken.write_bytes(b"other bytes")
    for try_number, status in ((1, Status.INGESTING), (2, Status.INGEST_ERROR)):
        with pytest.raises(IngestError):
            IngestProductsOperator(task_id="ingest").execute(
                context(made.taskID, "ingest", try_number=try_number, retries=1)
            )
        assert client.observation(made.taskID).my_status is status
        assert statuses(client, made) == ["archived", "ingest error", "archived"]
    words = f"{second} has changed since it was validated. Use the action check."
    assert last(client, made)[1] == (
        f"DataChanged: 1 of 3 data products are not in the archive. First failure: {words}"
    )
    reasons = [step.reason for step in products_of(client, made)[1].status_history if step.name == "ingest error"]
    assert reasons == [f"DataChanged: {words}"] * 2

    broken.write_bytes(whole)
    table = in_archive(archive_root, made) / first / "table.dat"
    before = table.stat()
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED
    assert statuses(client, made) == ["archived"] * 3
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_changed_after_it_was_validated_is_checked_again_and_nothing_is_copied_twice(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    first, second, _ = products_of(client, made)
    path_of(second).write_bytes(b"it grew")
    with pytest.raises(IngestError, match="has changed since it was validated"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    table = in_archive(archive_root, made) / first.filename / "table.dat"
    before = table.stat()

    lost = path_of(second).rename(path_of(second).with_name("lost"))
    client.act(made.taskID, Action.CHECK, reason="the data have changed")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="run 2"))
    assert client.observation(made.taskID).my_status is Status.INCOMPLETE
    assert statuses(client, made) == ["archived", "invalid", "archived"]

    lost.rename(path_of(second))
    client.act(made.taskID, Action.RETRY, reason="the data are found")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="run 3"))
    assert client.observation(made.taskID).my_status is Status.VALID
    assert statuses(client, made) == ["archived", "valid", "archived"]

    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 4"))
    assert statuses(client, made) == ["archived"] * 3
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (in_archive(archive_root, made) / second.filename).read_bytes() == b"it grew"


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


def test_a_second_attempt_copies_only_what_is_missing(
    client: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    trouble: Callable[[Any], None],
) -> None:
    made = validated()
    first, second, third = (product.filename for product in products_of(client, made))
    opened: list[str] = []

    def full_at_the_second(path: str) -> None:
        opened.append(path)
        if f"/.{second}." in path:
            raise OSError(28, "No space left on device")

    trouble(full_at_the_second)
    with pytest.raises(IngestError, match=r"cannot be written: “.*No space left"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", retries=1))
    assert any(f"/.{first}." in path for path in opened)
    opened.clear()
    trouble(opened.append)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", try_number=2, retries=1))
    assert not [path for path in opened if f"/.{first}." in path]
    assert all([path for path in opened if f"/.{name}." in path] for name in (second, third))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED


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


def test_a_run_skips_what_another_run_works_on(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
    before = client.observation(made.taskID)
    with pytest.raises(AirflowSkipException, match="belongs to ingest/run 2"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID) == before
    assert list(archive_root.iterdir()) == []


def test_a_run_skips_what_is_already_done(client: Client, archived: Make, context: Context) -> None:
    made = archived()
    before = client.observation(made.taskID)
    for operator, dag in ((ValidateProductsOperator, "validate"), (IngestProductsOperator, "ingest")):
        with pytest.raises(AirflowSkipException):
            operator(task_id=dag).execute(context(made.taskID, dag))
    assert client.observation(made.taskID) == before


def test_an_ingest_that_lost_its_work_to_another_run_ends_in_a_skip(
    client: Client, worker: Client, validated: Make, context: Context, trouble: Callable[[Any], None]
) -> None:
    made = validated()

    def another_takes_over(path: str) -> None:
        if "/manifest.json" not in path and client.observation(made.taskID).status_history[-1].owner:
            trouble(lambda _: None)
            worker.renew(made.taskID, "ingest/run 1", 1)
            time.sleep(1.1)
            worker.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)

    trouble(another_takes_over)
    with pytest.raises(AirflowSkipException, match="ingest/run 2"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGESTING
    assert "archived" not in statuses(client, made)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 2"))
    assert statuses(client, made) == ["archived"] * 3


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


def test_only_the_run_that_failed_may_be_run_again(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    archive_root.rename(archive_root.with_name("unmounted"))
    with pytest.raises(ArchiveError, match="does not exist"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR
    archive_root.with_name("unmounted").rename(archive_root)
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="run 2"))
    assert client.observation(made.taskID).my_status is Status.INGEST_ERROR
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert names_of_history(client, made)[-4:] == ["ingest error", "valid", "ingesting", "archived"]


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


def test_an_attempt_that_fails_reports_its_trouble_and_keeps_its_work_until_the_next(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    archive_root.rename(archive_root.with_name("unmounted"))
    operator = IngestProductsOperator(
        task_id="ingest",
        retries=5,
        retry_delay=timedelta(seconds=5),
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=2),
    )
    for number, seconds in ((1, 10 + 60), (5, 120 + 60)):
        with pytest.raises(ArchiveError):
            operator.execute(context(made.taskID, "ingest", try_number=number, retries=5))
        (lease,) = client.leases()
        left = (lease.expires_at - datetime.now(UTC)).total_seconds()
        assert seconds - 30 < left <= seconds + 1
        assert lease.trouble == (
            f"ArchiveNotMounted: The folder of the archive {archive_root.as_uri()} does not exist. Mount its disk."
        )
    archive_root.with_name("unmounted").rename(archive_root)
    operator.execute(context(made.taskID, "ingest", try_number=6, retries=5))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED
    assert list(client.leases()) == []


def test_a_cancel_between_two_attempts_is_undone_by_a_clear_of_the_run_and_not_by_its_retry(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    archive_root.rename(archive_root.with_name("unmounted"))
    operator = IngestProductsOperator(task_id="ingest", retries=3)
    with pytest.raises(ArchiveError):
        operator.execute(context(made.taskID, "ingest", retries=3))
    client.act(made.taskID, Action.CANCEL, reason="wrong collection")
    archive_root.with_name("unmounted").rename(archive_root)
    for run, number, retries in (("run 1", 2, 3), ("run 2", 1, 3)):
        with pytest.raises(AirflowSkipException):
            operator.execute(context(made.taskID, "ingest", run=run, try_number=number, retries=retries))
        assert last(client, made) == ("ingest error", "wrong collection")
    operator.execute(context(made.taskID, "ingest", try_number=3, retries=5))  # cleared after its second attempt
    assert names_of_history(client, made)[-4:] == ["ingest error", "valid", "ingesting", "archived"]


def test_a_run_that_is_cleared_takes_nothing_from_hold(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    client.move(made.taskID, Status.INGESTING, owner="ingest/run 1", lease_seconds=60)
    client.act(made.taskID, Action.HOLD, reason="wait")
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert last(client, made) == ("on hold", "wait")


def test_a_paused_stage_begins_nothing(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    client.change_stage(Actor.INGEST, paused=True, reason="the archive is moved")
    with pytest.raises(AirflowSkipException, match="ingest is paused"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert client.observation(made.taskID).my_status is Status.VALID


def test_what_other_attempts_have_left_is_deleted(
    client: Client, validated: Make, context: Context, archive_root: Path
) -> None:
    made = validated()
    folder = in_archive(archive_root, made)
    for product in products_of(client, made):
        left = folder / f".{product.filename}.0123456789ab.part"
        left.mkdir(parents=True)
        (left / "x").write_bytes(b"x")
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert parts_in(archive_root) == []


def test_a_copy_that_is_no_longer_in_the_archive_is_made_again(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    first = products_of(client, made)[0].filename
    shutil.rmtree(in_archive(archive_root, made) / first)
    client.act(made.taskID, Action.INGEST, reason="the archive has lost one")
    validate_and_ingest(made, context)
    assert statuses(client, made) == ["archived"] * 3
    assert (in_archive(archive_root, made) / first / "table.dat").is_file()


def test_the_manifest_keeps_what_was_removed_before_the_rest_is_ingested_again(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    names = [product.filename for product in products_of(client, made)]
    (in_archive(archive_root, made) / names[1]).write_bytes(b"rotten")
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "archived", "removed"]
    client.act(made.taskID, Action.INGEST, reason="one copy is bad")
    validate_and_ingest(made, context)
    assert (in_archive(archive_root, made) / names[1]).read_bytes() != b"rotten"
    manifest = json.loads((in_archive(archive_root, made) / "manifest.json").read_text())
    assert {p["filename"]: p["checksum"] for p in manifest["products"]} == {
        product.filename: product.checksum for product in products_of(client, made)
    }


def test_an_edited_collection_moves_nothing_that_is_archived_and_the_manifest_follows_the_edit(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived(irods_collection="apertif_main")
    folder = in_archive(archive_root, made)
    places = [(product.archive_location, product.archive_copy) for product in products_of(client, made)]
    inodes = {path: path.stat().st_ino for path in folder.rglob("*") if path.name != "manifest.json"}
    client.change_observation(made.id, irods_collection="elsewhere", field_name="M31, north")
    client.act(made.taskID, Action.INGEST, reason="again")
    validate_and_ingest(made, context)
    assert [(p.archive_location, p.archive_copy) for p in products_of(client, made)] == places
    assert {path: path.stat().st_ino for path in folder.rglob("*") if path.name != "manifest.json"} == inodes
    assert [path.name for path in archive_root.iterdir()] == ["apertif_main"]
    specification = json.loads((folder / "manifest.json").read_text())["observation"]
    assert (specification["irods_collection"], specification["field_name"]) == ("elsewhere", "M31, north")
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed"] * 3


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
    assert {path.name for path in archive_root.iterdir()} == {"apertif_main", "imaging"}


@pytest.mark.parametrize("action", [Action.INGEST, Action.CHECK])
def test_a_file_that_was_repaired_in_place_after_archiving_is_validated_and_copied_again(
    client: Client, archived: Make, context: Context, archive_root: Path, action: Action
) -> None:
    made = archived()
    flagged, *others = products_of(client, made)
    table = path_of(flagged) / "table.dat"
    table.write_bytes(bytes(byte ^ 1 for byte in table.read_bytes()))
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert table.exists()
    inodes = {p.filename: (in_archive(archive_root, made) / p.filename).stat().st_ino for p in others}
    client.act(made.taskID, action, reason="the data were flagged")
    validate_and_ingest(made, context)
    now = products_of(client, made)[0]
    assert now.checksum != flagged.checksum
    assert (in_archive(archive_root, made) / flagged.filename / "table.dat").read_bytes() == table.read_bytes()
    for name, inode in inodes.items():
        if (in_archive(archive_root, made) / name).exists():
            assert (in_archive(archive_root, made) / name).stat().st_ino == inode
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove", run="again"))
    assert statuses(client, made) == ["removed"] * 3


def test_a_file_that_was_changed_between_validate_and_ingest_stays_and_the_copy_too(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    changed = products_of(client, made)[1]
    client.act(made.taskID, Action.INGEST, reason="again")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="again"))
    before = (in_archive(archive_root, made) / changed.filename).read_bytes()
    path_of(changed).write_bytes(bytes(byte ^ 1 for byte in before))
    with pytest.raises(IngestError, match=r"has changed since it was validated\. Use the action check"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", run="again"))
    assert statuses(client, made) == ["archived", "ingest error", "archived"]
    assert (in_archive(archive_root, made) / changed.filename).read_bytes() == before
    manifest = json.loads((in_archive(archive_root, made) / "manifest.json").read_text())
    assert {p["filename"] for p in manifest["products"]} == {p.filename for p in products_of(client, made)}


@pytest.mark.parametrize("action", [Action.INGEST, Action.CHECK])
def test_a_rotten_copy_of_the_same_size_is_read_and_replaced_when_the_observation_is_ingested_again(
    client: Client, archived: Make, context: Context, archive_root: Path, action: Action
) -> None:
    made = archived()
    copy = in_archive(archive_root, made) / products_of(client, made)[1].filename
    right = copy.read_bytes()
    copy.write_bytes(bytes(byte ^ 1 for byte in right))
    with pytest.raises(RemoveError, match="is not what was observed"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    client.act(made.taskID, action, reason="one copy is bad")
    validate_and_ingest(made, context)
    assert copy.read_bytes() == right
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove", run="again"))
    assert statuses(client, made) == ["removed"] * 3


def test_a_run_that_loses_its_lease_directly_before_the_manifest_leaves_the_manifest_of_the_new_owner(
    client: Client,
    worker: Client,
    validated: Make,
    context: Context,
    archive_root: Path,
    trouble: Callable[[Any], None],
) -> None:
    made = validated()
    manifest = in_archive(archive_root, made) / "manifest.json"
    written = False

    def another_takes_over(path: str) -> None:
        nonlocal written
        if "/.manifest.json." in path and not written:
            written = True
            worker.renew(made.taskID, "ingest/run 1", 1)
            time.sleep(1.1)
            worker.move(made.taskID, Status.INGESTING, owner="ingest/run 2", lease_seconds=60)
            manifest.write_text("of the new owner")

    trouble(another_takes_over)
    with pytest.raises(AirflowSkipException, match="ingest/run 2"):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert written
    assert manifest.read_text() == "of the new owner"
    assert "archived" not in statuses(client, made)
    assert parts_in(archive_root) == []


def test_an_empty_folder_is_not_taken_for_the_archive_once_something_was_archived(
    client: Client, archived: Make, validated: Make, context: Context, archive_root: Path
) -> None:
    archived()
    made = validated()
    archive_root.rename(archive_root.with_name("unmounted"))
    archive_root.mkdir()
    operator = IngestProductsOperator(task_id="ingest")
    with pytest.raises(ArchiveError, match="is empty, but ATDB has archived data before"):
        operator.execute(context(made.taskID, "ingest"))
    assert list(archive_root.iterdir()) == []
    assert statuses(client, made) == ["valid"] * 3
    (archive_root / "a new archive").touch()
    operator.execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived"] * 3


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
