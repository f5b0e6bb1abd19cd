"""A removal that is killed, or has lost its lease, is continued by the next one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.lifecycle import Action
from atdb_interface.reason_codes import ReasonCode
from operators.data import removal, removal_reports
from operators.data.data_disks import MARKER
from operators.data.local_products import path_of
from operators.data.renames import rename_aside
from operators.stages.remove import RemoveError
from tests.operators.conftest import Sql
from tests.operators.killing import kill
from tests.operators.observations import Make, in_archive, last, products_of, statuses
from tests.operators.removals import content, hidden, overwrite

KILLS: dict[str, tuple[Any, str, bool]] = {
    "after the rename": (removal, "rename_aside", False),
    "before the tombstone": (removal, "write_tombstone", True),
    "after the tombstone": (removal, "write_tombstone", False),
    "after the first file": (os, "unlink", False),
    "after the deletion": (removal, "delete_product", False),
    "before the report": (Client, "move_products", True),
    "after the report": (removal_reports, "forget", True),
}


@pytest.mark.parametrize(
    ("ending", "follow_up"),
    [(".MS", "another attempt"), (".fits", "another attempt"), (".MS", "check"), (".fits", "ingest")],
)
@pytest.mark.parametrize("point", KILLS)
def test_a_removal_that_is_killed_is_continued(
    client: Client, archived_one: Make, archive_root: Path, remove: Any, check_again: Any,
    point: str, ending: str, follow_up: str,
) -> None:  # fmt: skip
    made = archived_one(ending)
    (product,) = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    copy = in_archive(archive_root, made) / product.filename
    place, name, is_before = KILLS[point]
    kill(lambda: remove(made), place, name, before=is_before)
    is_removed = point == "after the report"
    assert statuses(client, made) == ["removed" if is_removed else "archived"]
    assert len(list(client.receipts())) == is_removed
    assert content(copy) == before
    if follow_up != "another attempt":
        client.act(made.taskID, Action.HOLD)
        client.act(made.taskID, Action.RESUME)
        check_again(made, Action(follow_up))
        assert last(client, made)[0] == "archived"
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert last(client, made)[0] == "removed"
    assert len(list(client.receipts())) == 1
    assert content(copy) == before
    assert not path.exists()
    assert hidden(path) == []


def test_what_changes_after_a_killed_deletion_has_begun_is_not_deleted(
    client: Client, archived_one: Make, archive_root: Path, remove: Any, check_again: Any
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    kill(lambda: remove(made), os, "unlink")
    (aside,) = (each for each in path.parent.iterdir() if each.name.endswith(".removing"))
    overwrite(aside, 1000)
    changed = content(aside)
    with pytest.raises(RemoveError, match=r"table\.dat has changed while the product was deleted"):
        remove(made)
    assert content(aside) == changed
    assert statuses(client, made) == ["archived"]
    check_again(made)
    assert content(in_archive(archive_root, made) / product.filename) == before
    (aside / "table.dat").rename(path.with_name("moved out"))
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert not aside.exists()


def test_a_new_product_in_the_place_of_one_that_a_killed_removal_has_renamed_is_not_deleted(
    client: Client, archived_one: Make, remove: Any
) -> None:
    made = archived_one(".fits")
    (product,) = products_of(client, made)
    path = path_of(product)
    kill(lambda: remove(made), removal, "rename_aside")
    path.write_bytes(b"written again")
    with pytest.raises(RemoveError, match="which are both") as refused:
        remove(made)
    assert refused.value.code == ReasonCode.TWO_COPIES
    assert path.read_bytes() == b"written again"
    path.unlink()
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]


@pytest.mark.parametrize("differs", ["taskID", "checksum", "disk"])
def test_a_tombstone_of_other_data_does_not_count(
    client: Client, archived_one: Make, remove: Any, differs: str
) -> None:
    made = archived_one(".fits")
    (product,) = products_of(client, made)
    path = path_of(product)
    kill(lambda: remove(made), removal, "delete_product")
    tombstone = path.with_name(f".{path.name}.atdb-removed")
    written = json.loads(tombstone.read_text())
    tombstone.write_text(json.dumps({**written, differs: "another"}))
    with pytest.raises(RemoveError, match="ATDB has not deleted it"):
        remove(made)
    assert statuses(client, made) == ["archived"]
    tombstone.write_text(json.dumps(written))
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]


def test_a_run_that_has_lost_its_lease_leaves_what_the_next_one_deletes(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)

    def and_let_another_run_begin(folder: int, filename: str) -> str:
        aside = rename_aside(folder, filename)
        monkeypatch.setattr(removal, "rename_aside", rename_aside)
        kill(lambda: remove(made), os, "unlink")
        client.act(made.taskID, Action.HOLD)
        return aside

    monkeypatch.setattr(removal, "rename_aside", and_let_another_run_begin)
    with pytest.raises((AirflowSkipException, RemoveError)):  # by which it notices first
        remove(made)
    assert {name.rpartition(".")[2] for name in hidden(path)} == {"removing", "atdb-removed"}
    assert not path.exists()
    client.act(made.taskID, Action.RESUME)
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert hidden(path) == []


@pytest.mark.parametrize("change", ["is lost", "is another one", "appears"])
def test_what_a_killed_removal_has_left_never_replaces_the_archives_copy_if_the_identity_of_its_disk(
    client: Client, archived_one: Make, archive_root: Path, data_root: Path, remove: Any, check_again: Any,
    sql: Sql, change: str,
) -> None:  # fmt: skip
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    marker = data_root / "wcudata1" / MARKER
    if change == "appears":
        known = marker.read_text()
        marker.unlink()
        sql("update dataproducts set disk = null")
    kill(lambda: remove(made), os, "unlink")
    (left,) = hidden(path)[:1]
    assert len(content(path.with_name(left))) == len(before) - 1
    if change == "appears":
        marker.write_text(known)
    else:
        marker.unlink()
    if change == "is another one":
        marker.write_text("12345678-1234-1234-1234-123456789abc\n")
    client.act(made.taskID, Action.HOLD)
    client.act(made.taskID, Action.RESUME)
    check_again(made)
    assert last(client, made)[0] == "archived"
    assert content(in_archive(archive_root, made) / product.filename) == before
    remove(made)
    assert statuses(client, made) == ["removed"]
    (receipt,) = client.receipts()
    assert receipt.checksum == product.checksum


def test_what_a_killed_removal_has_left_stays_if_it_was_copied_to_another_disk(
    client: Client, archived_one: Make, archive_root: Path, data_root: Path, remove: Any, check_again: Any
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    kill(lambda: remove(made), os, "unlink")
    (left,) = [path.with_name(name) for name in hidden(path) if name.endswith(".removing")]
    (data_root / "wcudata1" / MARKER).unlink()
    shutil.copytree(left, path.with_name("copy"))
    shutil.rmtree(left)
    path.with_name("copy").rename(left)
    client.act(made.taskID, Action.HOLD)
    client.act(made.taskID, Action.RESUME)
    check_again(made)
    assert content(in_archive(archive_root, made) / product.filename) == before
    with pytest.raises(RemoveError, match="ask an ATDB admin to force the removal"):
        remove(made)
    assert len(content(left)) == len(before) - 1
    assert statuses(client, made) == ["archived"]
