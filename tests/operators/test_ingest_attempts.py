"""Attempts and runs of ingest: each continues what the last one left, and one at a time has the work."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.lifecycle import Status
from atdb_plugins.archive.errors import ArchiveError
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.operators.contexts import Context
from tests.operators.observations import Make, in_archive, last, names_of_history, parts_in, products_of, statuses


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
    assert statuses(client, made) == ["archived", "ingest error", "ingesting"]
    opened.clear()
    trouble(opened.append)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", try_number=2, retries=1))
    assert not [path for path in opened if f"/.{first}." in path]
    assert all([path for path in opened if f"/.{name}." in path] for name in (second, third))
    assert client.observation(made.taskID).my_status is Status.ARCHIVED


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
        missing = f"The folder of the archive {archive_root.as_uri()} does not exist. Mount its disk."
        words, _, latest = (lease.trouble or "").removesuffix(".").rpartition(" by ")
        assert words == f"ArchiveNotMounted: {missing} Airflow begins attempt {number + 1} of 6"
        left = (datetime.fromisoformat(latest) - datetime.now(UTC)).total_seconds()
        assert seconds - 60 - 30 < left <= seconds - 60
        assert f"Airflow begins attempt {number + 1} of 6 by {latest}." in client.why(made.taskID).why
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


@pytest.mark.parametrize("lost", ["the copy", "the manifest", "a checksum in the manifest"])
def test_what_the_archive_has_lost_between_two_attempts_is_stored_again(
    client: Client, validated: Make, context: Context, archive_root: Path, lost: str
) -> None:
    made = validated()
    first, second, _ = products_of(client, made)
    whole = path_of(second).read_bytes()
    path_of(second).write_bytes(b"other bytes")
    with pytest.raises(IngestError):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", retries=1))
    assert statuses(client, made) == ["archived", "ingest error", "archived"]
    path_of(second).write_bytes(whole)
    manifest = in_archive(archive_root, made) / "manifest.json"
    match lost:
        case "the copy":
            shutil.rmtree(in_archive(archive_root, made) / first.filename)
        case "the manifest":
            manifest.unlink()
        case _:
            (record, *_) = json.loads(manifest.read_text())["products"][0]["files"]
            manifest.write_text(manifest.read_text().replace(record["sha256"], "0" * 64))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest", try_number=2, retries=1))
    assert statuses(client, made) == ["archived"] * 3
    listed = json.loads(manifest.read_text())["products"]
    assert {each["filename"]: each["checksum"] for each in listed} == {
        product.filename: product.checksum for product in products_of(client, made)
    }
    assert (in_archive(archive_root, made) / first.filename / "table.dat").exists()


def test_a_run_copies_nothing_more_if_a_product_fails_after_the_lease_is_lost(
    client: Client, validated: Make, context: Context, trouble: Callable[[Any], None]
) -> None:
    made = validated()
    first, second, _ = (product.filename for product in products_of(client, made))
    opened: list[str] = []

    def lose_and_fail(path: str) -> None:
        opened.append(path)
        if f"/.{first}." in path:
            client.act(made.taskID, Action.HOLD)
            raise OSError(5, "an error of the disk")

    trouble(lose_and_fail)
    with pytest.raises(AirflowSkipException):
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert [path for path in opened if f"/.{second}." in path] == []
    assert last(client, made)[0] == "on hold"
