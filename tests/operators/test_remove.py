"""Nothing is deleted that is not in the archive."""

import os
import re
import shutil
from pathlib import Path

import pytest

from atdb_interface.checksum import product_checksum
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct, NewDataProduct
from atdb_interface.lifecycle import Action, Status
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.errors import ArchiveError
from operators.data.local_products import path_of
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError, RemoveProductsOperator
from operators.stages.remove_command import main
from operators.stages.validate import ValidateProductsOperator
from tests.file_records import records_of
from tests.operators.conftest import Sql
from tests.operators.contexts import Context
from tests.operators.observations import (
    Make,
    in_archive,
    last,
    products_of,
    statuses,
)


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_what_the_archive_does_not_hold_is_not_deleted_and_the_rest_is(
    client: Client, archived: Make, context: Context, archive_root: Path, damage: str
) -> None:
    made = archived()
    first, second, third = products_of(client, made)
    copy = in_archive(archive_root, made) / first.filename
    match damage:
        case "changed":
            (copy / "table.dat").write_bytes(os.urandom(1000))
        case "gone":
            shutil.rmtree(copy)
    with pytest.raises(RemoveError):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    status, reason = last(client, made)
    assert status == "remove error"
    code = {"changed": ReasonCode.ARCHIVE_COPY_WRONG, "gone": ReasonCode.ARCHIVE_COPY_MISSING}[damage]
    assert reason.startswith(f"{code}: 1 of 3 data products were not deleted. First failure: {first.filename}")
    assert statuses(client, made) == ["archived", "removed", "removed"]
    assert product_checksum(records_of(path_of(first))) == first.checksum
    assert not path_of(second).exists()
    assert not path_of(third).exists()


def test_while_the_archive_is_not_there_nothing_is_deleted(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    archive_root.rename(archive_root.with_name("unmounted"))
    with pytest.raises(ArchiveError, match="does not exist"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["archived"] * 3
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_nothing_is_called_removed_while_the_data_host_is_not_mounted(
    client: Client, archived: Make, context: Context, data_root: Path
) -> None:
    made = archived()
    (data_root / "wcudata1").rename(data_root.with_name("unmounted"))
    with pytest.raises(RemoveError, match="not mounted"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert client.observation(made.taskID).my_status is Status.REMOVE_ERROR


def test_only_what_an_admin_has_forced_is_deleted_unverified(
    client: Client, written: Make, context: Context, archive_root: Path
) -> None:
    made = written(products=4)
    for product in products_of(client, made)[2:]:
        path = path_of(product)
        if path.is_dir():
            shutil.rmtree(path)
            path.mkdir()
        else:
            path.write_bytes(b"")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    client.move(made.taskID, Status.VALID, reason="ingest it after all")
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    assert statuses(client, made) == ["archived", "archived", "invalid", "invalid"]
    lost, _, forced, kept = products_of(client, made)
    shutil.rmtree(in_archive(archive_root, made) / lost.filename)
    for product in (lost, forced):
        client.force_removal(product.id, "of no use")
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "removed", "removed", "invalid"]
    assert [path_of(p).exists() for p in products_of(client, made)] == [False, False, False, True]
    assert path_of(kept).parent.is_dir()


@pytest.mark.parametrize("moment", ["before the data were written", "when they were invalid"])
def test_a_forced_removal_is_not_for_data_that_are_found_valid_later(
    client: Client, written: Make, context: Context, archive_root: Path, moment: str
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    table = path_of(product) / "table.dat"
    if moment == "when they were invalid":
        shutil.move(path_of(product), path_of(product).with_name("elsewhere"))
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        assert statuses(client, made) == ["invalid"]
        shutil.move(path_of(product).with_name("elsewhere"), path_of(product))
        client.act(made.taskID, Action.RETRY)
    client.force_removal(product.id, "of no use")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    (product,) = products_of(client, made)
    assert (product.removal_forced_by, product.removal_forced_reason) == (None, None)
    assert list(client.changes(dataproduct=product.filename))[-1].fields["removal_forced_by"] == ("admin", None)
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    table.write_bytes(b"flagged")
    with pytest.raises(RemoveError, match="differs from the archive"):
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert table.read_bytes() == b"flagged"


def test_an_observation_of_which_all_products_are_invalid_is_removed_if_an_admin_forces_that(
    client: Client, written: Make, context: Context, archive_root: Path, sql: Sql
) -> None:
    made = written(products=2)
    for product in products_of(client, made):
        path_of(product).with_name("elsewhere").mkdir(exist_ok=True)
        path_of(product).rename(path_of(product).with_name("elsewhere") / product.filename)
        path_of(product).touch()
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    assert statuses(client, made) == ["invalid"] * 2
    first, second = products_of(client, made)
    client.force_removal(first.id, "of no use")
    sql("update observations set status = 'archived' where task_id = :task", task=made.taskID)
    RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert statuses(client, made) == ["removed", "invalid"]
    assert not path_of(first).exists()
    assert path_of(second).exists()


def test_the_code_of_a_removal_that_fails_is_that_of_the_first_product(
    client: Client, archived: Make, context: Context, archive_root: Path
) -> None:
    made = archived()
    first, second, _ = products_of(client, made)
    shutil.rmtree(in_archive(archive_root, made) / first.filename)
    (in_archive(archive_root, made) / second.filename).write_bytes(b"other bytes")
    with pytest.raises(RemoveError, match=f"2 of 3 .* First failure: {first.filename}") as failed:
        RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))
    assert failed.value.code == ReasonCode.ARCHIVE_COPY_MISSING


def test_products_are_removed_in_the_order_of_their_names(
    client: Client, written: Make, context: Context, archive_root: Path
) -> None:
    made = written(products=0)
    names = [f"{made.taskID}_{letter}.fits" for letter in "cab"]
    client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename=name) for name in names])
    for product in products_of(client, made):
        path_of(product).parent.mkdir(parents=True, exist_ok=True)
        path_of(product).write_bytes(b"data")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    params = {"params": {"dry_run": False}}
    RemoveProductsOperator(task_id="remove").execute({**context(made.taskID, "remove"), **params})
    receipts = client.receipts(taskID=made.taskID, ordering="id")
    assert [receipt.dataproduct for receipt in receipts] == sorted(names)


def test_a_rehearsal_in_airflow_deletes_nothing(client: Client, archived: Make, context: Context) -> None:
    made = archived()
    before = client.observation(made.taskID)
    RemoveProductsOperator(task_id="remove").execute(
        {**context(made.taskID, "remove"), "params": {"dry_run": True}}
    )
    assert client.observation(made.taskID) == before
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_atdb_remove_shows_what_it_would_do_and_does_it(
    client: Client, archived: Make, context: Context, capsys: pytest.CaptureFixture[str], archive_root: Path
) -> None:
    made = archived()
    first, second, third = products_of(client, made)
    before = client.observation(made.taskID)
    assert main([made.taskID, "--dry-run"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(made.taskID)]
    assert lines == [
        f"{p.filename}  {p.size} bytes  {path_of(p)}  {p.archive_copy}  would be deleted"
        for p in (first, second, third)
    ]
    assert client.observation(made.taskID) == before
    assert all(path_of(product).exists() for product in (first, second, third))
    copy = in_archive(archive_root, made) / second.filename
    copy.rename(copy.with_name("elsewhere"))
    assert main([made.taskID, "--dry-run"]) == 1
    assert f"stays: {second.filename} is not in the archive" in capsys.readouterr().out
    copy.with_name("elsewhere").rename(copy)
    assert main([made.taskID]) == 0
    assert statuses(client, made) == ["removed"] * 3
    owner = client.observation(made.taskID).status_history[-1].owner
    assert owner is not None
    assert re.fullmatch(rf"atdb_remove/[^/@]+@[^/]+/{os.getpid()}", owner)
    for arguments in ([made.taskID, "--dry-run"], [made.taskID], ["990101001"], ["990101001", "--dry-run"]):
        assert main(arguments) == 1
    written = capsys.readouterr()
    assert f"{made.taskID} has status removed. remove needs status archived." in written.out
    assert "Allowed: none." in written.err


def test_atdb_remove_puts_what_it_cannot_remove_on_remove_error(
    client: Client, archived: Make, context: Context, capsys: pytest.CaptureFixture[str], archive_root: Path
) -> None:
    made = archived()
    shutil.rmtree(in_archive(archive_root, made))
    assert main([made.taskID]) == 1
    assert last(client, made)[0] == "remove error"
    assert "3 of 3 data products were not deleted" in capsys.readouterr().err
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_atdb_remove_reports_that_deletion_was_switched_off_meanwhile(
    client: Client, archived: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived()

    def switch_off(_: list[DataProduct]) -> None:
        client.change_deletion(allowed=False, reason="a disk is being copied")

    monkeypatch.setattr("operators.stages.remove._require_archived", switch_off)
    assert main([made.taskID]) == 1
    assert "An operator has switched off all deletion: a disk is being copied" in capsys.readouterr().err
    assert last(client, made)[0] == "remove error"
    assert all(path_of(product).exists() for product in products_of(client, made))
