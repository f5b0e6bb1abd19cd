"""A removal that fails renames the product back; what it cannot clean up is no reason to fail."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import Action
from atdb_interface.product_files import open_folder
from atdb_interface.renames import rename_new
from atdb_plugins.archive.errors import ArchiveError
from operators.data import removal
from operators.data.local_products import path_of
from operators.data.removal import DeletionOffError
from operators.data.removal_check import RemovalCheck
from operators.data.tombstones import Tombstone, write_tombstone
from operators.stages.remove import RemoveError
from tests.operators.conftest import Sql
from tests.operators.killing import kill
from tests.operators.observations import Make, products_of, statuses
from tests.operators.removals import content, hidden


@pytest.mark.parametrize("when", ["before the tombstone", "after the tombstone", "with an old tombstone"])
def test_a_product_whose_removal_fails_is_renamed_back(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    fsync = os.fsync
    if when == "with an old tombstone":
        old = Tombstone(made.taskID, product.filename, product.checksum, product.disk, "an old name", {})
        with open_folder(path.parent) as folder:
            write_tombstone(folder, old)
    calls: list[str] = []

    def write_and_fail(folder: int, tombstone: Tombstone, _: object) -> None:
        if when == "after the tombstone":
            write_tombstone(folder, tombstone)
        calls.clear()
        raise OSError(errno.EIO, "an error of the disk")

    def rename_back(folder: int, source: str, target: str) -> None:
        calls.append("rename back")
        rename_new(folder, source, target)

    def recorded_fsync(handle: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    with monkeypatch.context() as broken:
        broken.setattr(removal, "write_tombstone", write_and_fail)
        broken.setattr(removal, "rename_new", rename_back)
        broken.setattr(os, "fsync", recorded_fsync)
        with pytest.raises(RemoveError, match="an error of the disk"):
            remove(made)
    assert calls == ["rename back", f"fsync {path.parent.name}"]
    assert content(path) == before
    assert hidden(path) == []
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]


@pytest.mark.parametrize("reason", ["is a directory", "is on a host that is not mounted", "is nowhere"])
def test_a_tombstone_that_cannot_be_deleted_is_no_reason_to_fail(
    client: Client, archived: Make, remove: Any, sql: Sql, reason: str
) -> None:
    made = archived(products=2)
    first, second = products_of(client, made)
    path = path_of(first)
    sql("update dataproducts set status = 'removed' where id = :id", id=first.id)
    if reason == "is a directory":
        path.with_name(f".{path.name}.atdb-removed").mkdir()
    else:
        location = "arts099:/data" if reason == "is on a host that is not mounted" else "nowhere"
        sql("update dataproducts set data_location = :there where id = :id", there=location, id=first.id)
    remove(made)
    assert statuses(client, made) == ["removed", "removed"]
    assert not path_of(second).exists()


@pytest.mark.parametrize("n_products", [1, 2])
def test_a_run_that_has_lost_its_lease_does_not_continue_a_deletion(
    client: Client, archived: Make, remove: Any, monkeypatch: pytest.MonkeyPatch, n_products: int
) -> None:
    made = archived(products=n_products)
    product, *_ = products_of(client, made)
    path, before = path_of(product), content(path_of(product))
    kill(lambda: remove(made), removal, "delete_product", before=True)
    (aside,) = (each for each in path.parent.iterdir() if each.name.endswith(".removing"))
    judge = RemovalCheck.judge
    judged: list[str] = []

    def judge_and_lose(self: RemovalCheck, product: DataProduct) -> Any:
        judged.append(product.filename)
        found = judge(self, product)
        client.act(made.taskID, Action.HOLD)
        return found

    with monkeypatch.context() as losing:
        losing.setattr(RemovalCheck, "judge", judge_and_lose)
        with pytest.raises(AirflowSkipException):
            remove(made)
    assert judged == [product.filename]
    assert content(aside) == before
    client.act(made.taskID, Action.RESUME)
    remove(made)
    assert statuses(client, made) == ["removed"] * n_products
    assert hidden(path) == []


def test_a_removal_stops_at_the_first_product_after_deletion_was_switched_off(
    client: Client, archived: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived(products=2)
    judge = RemovalCheck.judge
    judged: list[str] = []

    def judge_and_switch_off(self: RemovalCheck, product: DataProduct) -> Any:
        judged.append(product.filename)
        client.change_deletion(allowed=False, reason="a disk is being copied")
        return judge(self, product)

    monkeypatch.setattr(RemovalCheck, "judge", judge_and_switch_off)
    with pytest.raises(DeletionOffError, match="a disk is being copied"):
        remove(made)
    assert len(judged) == 1
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_a_removal_stops_at_the_first_product_if_atdb_refuses_its_account(
    client: Client, archived: Make, remove: Any, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived(products=2)
    judge = RemovalCheck.judge
    judged: list[str] = []

    def judge_and_disable(self: RemovalCheck, product: DataProduct) -> Any:
        judged.append(product.filename)
        found = judge(self, product)
        sql("update accounts set disabled = true where name = 'pipeline'")
        return found

    monkeypatch.setattr("operators.stages.remove.RECENT_SECONDS", 0.0)  # the answers before are too old
    monkeypatch.setattr(RemovalCheck, "judge", judge_and_disable)
    with pytest.raises(AtdbError):
        remove(made)
    assert len(judged) == 1
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_a_removal_stops_at_the_first_product_after_the_archive_was_unmounted(
    client: Client, archived: Make, remove: Any, before_judging: Any, archive_root: Path
) -> None:
    made = archived()
    _, second, _ = products_of(client, made)
    judged: list[str] = []

    def unmount(product: DataProduct) -> None:
        judged.append(product.filename)
        if product.id == second.id:
            archive_root.rename(archive_root.with_name("unmounted"))

    before_judging(unmount)
    with pytest.raises(ArchiveError, match="does not exist"):
        remove(made)
    assert judged[1:] == [second.filename]
    assert statuses(client, made) == ["removed", "archived", "archived"]


def test_only_the_products_of_the_observation_are_removed(client: Client, archived: Make, remove: Any) -> None:
    made, other = archived(products=1), archived(products=1)
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert statuses(client, other) == ["archived"]
    assert path_of(products_of(client, other)[0]).exists()


def test_the_first_of_several_products_that_are_not_archived_is_named(
    client: Client, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    _, second, third = products_of(client, made)
    sql("update dataproducts set status = 'valid' where id = :id", id=second.id)
    sql("update dataproducts set status = 'defined' where id = :id", id=third.id)
    with pytest.raises(RemoveError, match=f"2 of 3 .* The first is {second.filename}, which is valid"):
        remove(made)
