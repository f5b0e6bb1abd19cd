"""Which data are valid, and the reasons for those that are not."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface import reasons
from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.leases import HeldLease
from atdb_interface.lifecycle import Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import Reason
from operators.data.local_products import DataError, path_of
from operators.lease import LeaseKeeper
from operators.stages.validate import StillWrittenError, ValidateProductsOperator
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.observations import (
    Make,
    Observe,
    last,
    names_of_history,
    products_of,
    statuses,
)

REPLACE = "Replace it with the data, then retry."


def test_missing_and_empty_products_make_an_observation_incomplete_and_say_why(
    client: Client, written: Make, context: Context
) -> None:
    made = written(products=4)
    missing, empty, hollow, well = products_of(client, made)
    shutil.rmtree(path_of(missing))
    path_of(empty).write_bytes(b"")
    for path in path_of(hollow).rglob("*"):
        if path.is_file():
            path.unlink()
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid", "invalid", "invalid", "valid"]
    reasons = {step.dataproduct: step.reason for p in products_of(client, made) for step in p.status_history}
    assert reasons == {
        missing.filename: "DataMissing: The data product is not on its data host. Restore it, then retry.",
        empty.filename: "DataEmpty: The data product is empty. Restore it, then retry.",
        hollow.filename: "DataEmpty: The data product is empty. Restore it, then retry.",
        well.filename: "",
    }
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.owner) == ("incomplete", "validate/run 1")
    assert last.reason.startswith("InvalidDataProducts: 3 of 4 data products are invalid: ")
    assert missing.filename in last.reason


def test_an_observation_without_products_is_incomplete(client: Client, observe: Observe, context: Context) -> None:
    made = observe(Status.COMPLETING)
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert last(client, made) == (
        "incomplete",
        "NoDataProducts: The observation has no data products, so nothing can be ingested.",
    )


def test_with_skip_auto_ingest_a_person_decides(client: Client, validated: Make) -> None:
    made = validated(skip_auto_ingest=True)
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, reasons.read(last.reason)) == ("completed", Reason(ReasonCode.AUTOMATIC_INGEST_OFF))
    assert statuses(client, made) == ["valid"] * 3


def test_without_the_data_root_nothing_is_called_invalid(
    client: Client, written: Make, context: Context, data_root: Path
) -> None:
    made = written()
    data_root.rename(data_root.with_name("unmounted"))
    with pytest.raises(DataError):
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", retries=1))
    assert client.observation(made.taskID).my_status is Status.CHECKING
    data_root.with_name("unmounted").rename(data_root)
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert client.observation(made.taskID).my_status is Status.VALID


def test_nothing_is_called_missing_while_the_data_host_is_not_mounted(
    client: Client, written: Make, context: Context, data_root: Path
) -> None:
    made = written()
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    with pytest.raises(DataError):
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["defined"] * 3


def test_a_link_in_the_data_is_never_followed(
    client: Client, written: Make, context: Context, tmp_path: Path
) -> None:
    made = written()
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    inside, instead, _ = (path_of(product) for product in products_of(client, made))
    (inside / "link").symlink_to(secret)
    instead.unlink()
    instead.symlink_to(secret)
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid", "invalid", "valid"]


@pytest.mark.parametrize("late", [False, True], ids=["before the report of its products", "after"])
def test_an_observation_aborted_while_it_is_checked_stays_aborted(
    client: Client, written: Make, context: Context, late: bool
) -> None:
    made = written()

    class CancelledValidateProductsOperator(ValidateProductsOperator):
        def work(self, *arguments: Any) -> Any:
            decision = super().work(*arguments) if late else None
            client.move(made.taskID, Status.ABORTED, reason="rain")
            return decision or super().work(*arguments)

    with pytest.raises(AirflowSkipException):
        CancelledValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    last = client.observation(made.taskID).status_history[-1]
    assert (last.name, last.reason) == ("aborted", "rain")
    assert statuses(client, made) == ["valid" if late else "defined"] * 3


@pytest.mark.parametrize("kind", ["another kind", "a broken link", "a pipe"])
def test_what_is_no_data_product_is_invalid_and_the_reason_says_why(
    client: Client, written: Make, context: Context, kind: str
) -> None:
    made = written(products=2)
    directory, file = (path_of(product) for product in products_of(client, made))
    shutil.rmtree(directory)
    file.unlink()
    match kind:
        case "another kind":
            directory.write_bytes(b"x")
            file.mkdir()
            (file / "x").write_bytes(b"x")
            kinds = ("a file instead of a directory", "a directory instead of a file")
            reasons = [f"WrongKind: The data product is {kind}. {REPLACE}" for kind in kinds]
        case "a broken link":
            directory.symlink_to("nowhere")
            file.symlink_to("nowhere")
            reasons = [f"WrongKind: The data product is a symbolic link instead of data. {REPLACE}"] * 2
        case _:
            os.mkfifo(directory)
            os.mkfifo(file)
            reasons = [
                f"NotAProduct: {path.name} is neither a file nor a directory. {REPLACE}"
                for path in (directory, file)
            ]
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert [p.status_history[-1].reason for p in products_of(client, made)] == reasons
    assert statuses(client, made) == ["invalid"] * 2
    assert last(client, made)[0] == "incomplete"


class _GrowingValidateProductsOperator(ValidateProductsOperator):
    """Validates data that the data writer is still writing."""

    grows: Path

    def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> Any:
        advance = lease.advance

        def advance_and_grow(n_bytes: int) -> None:
            advance(n_bytes)
            with self.grows.open("ab") as file:
                file.write(b"x")

        lease.advance = advance_and_grow  # type: ignore[method-assign]
        return super().work(client, observation, owner, lease)


def test_what_is_still_being_written_is_looked_at_again_and_is_invalid_at_last(
    client: Client, written: Make, context: Context
) -> None:
    made = written()
    _, growing, _ = products_of(client, made)
    operator = _GrowingValidateProductsOperator(task_id="validate")
    operator.grows = path_of(growing)
    with pytest.raises(StillWrittenError, match=f"^Still being written: {growing.filename}$"):
        operator.execute(context(made.taskID, "validate", retries=1))
    assert last(client, made)[0] == "checking"
    assert statuses(client, made) == ["defined"] * 3
    (lease,) = client.leases()
    assert lease.trouble is not None
    assert lease.trouble.startswith(
        f"StillWritten: Still being written: {growing.filename}. Airflow begins attempt 2 of 2 by "
    )
    with pytest.raises(StillWrittenError):
        operator.execute(context(made.taskID, "validate", try_number=2, retries=1))
    assert statuses(client, made) == ["valid", "invalid", "valid"]
    assert products_of(client, made)[1].status_history[-1].reason == (
        "StillWritten: The data product is still being written. Wait until it is complete, then retry."
    )
    assert last(client, made) == (
        "incomplete",
        f"InvalidDataProducts: 1 of 3 data products are invalid: {growing.filename}. Their histories show why. "
        "Retry, or ingest the valid ones.",
    )


def test_data_that_stop_growing_between_two_attempts_are_valid(
    client: Client, written: Make, context: Context
) -> None:
    made = written()
    operator = _GrowingValidateProductsOperator(task_id="validate")
    operator.grows = path_of(products_of(client, made)[0]) / "table.dat"
    with pytest.raises(StillWrittenError):
        operator.execute(context(made.taskID, "validate", retries=1))
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", try_number=2, retries=1))
    assert statuses(client, made) == ["valid"] * 3


def test_data_that_cannot_be_read_are_not_invalid_after_the_last_attempt_either(
    client: Client, written: Make, context: Context, data_root: Path, sql: Sql
) -> None:
    made = written(products=0)
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename="x.fits")])
    sql("update dataproducts set data_location = :place", place=f"wcudata1:/{'far' * 100}")
    with pytest.raises(OSError, match="File name too long"):
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    status, reason = last(client, made)
    assert status == "incomplete"
    assert reason.startswith("OSError: The data could not be checked: “[Errno 36] File name too long: ")
    assert statuses(client, made) == ["defined"]


def test_an_empty_place_of_a_disk_is_taken_for_one_that_is_not_mounted(
    client: Client, written: Make, context: Context, data_root: Path
) -> None:
    made = written()
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    (data_root / "wcudata1").mkdir()
    with pytest.raises(DataError, match="not mounted"):
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["defined"] * 3


def test_an_incomplete_observation_is_looked_at_again_when_its_run_is_cleared(
    client: Client, written: Make, context: Context
) -> None:
    made = written()
    (missing, *_) = (path_of(product) for product in products_of(client, made))
    missing.rename(missing.with_name("late"))
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert last(client, made)[0] == "incomplete"
    missing.with_name("late").rename(missing)
    with pytest.raises(AirflowSkipException):
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", run="run 2"))
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate", try_number=2, retries=1))
    assert names_of_history(client, made)[-4:] == ["incomplete", "completing", "checking", "valid"]
    assert statuses(client, made) == ["valid"] * 3


def test_validate_reports_its_progress(client: Client, written: Make, context: Context) -> None:
    made = written(products=2)
    seen: list[HeldLease] = []

    class WatchedValidateProductsOperator(ValidateProductsOperator):
        def work(self, client: Client, observation: Observation, owner: str, lease: LeaseKeeper) -> Any:
            decision = super().work(client, observation, owner, lease)
            lease._renew()
            seen.extend(client.leases())
            return decision

    WatchedValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    size = sum(product.size or 0 for product in products_of(client, made))
    assert [(lease.done_bytes, lease.total_bytes) for lease in seen] == [(size, size)]
