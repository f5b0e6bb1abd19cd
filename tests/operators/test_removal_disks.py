"""A disk that is not mounted is never mistaken for data that were deleted."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import Action
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.data import reserve
from operators.data.data_disks import MARKER
from operators.data.local_products import path_of
from operators.stages.ingest import IngestError, IngestProductsOperator
from operators.stages.remove import RemoveError
from operators.stages.validate import ValidateProductsOperator
from tests.mounts import Mount, unmount
from tests.operators.contexts import Context, use_archive
from tests.operators.killing import kill
from tests.operators.observations import Make, last, products_of, statuses, write
from tests.operators.removals import content


@pytest.mark.parametrize("is_forced", [False, True])
@pytest.mark.parametrize("place", ["wcudata1", "wcudata1/data"])
def test_an_empty_directory_in_the_place_of_a_disk_is_an_error_and_nothing_is_recorded(
    client: Client, archived: Make, remove: Any, data_root: Path, place: str, is_forced: bool
) -> None:
    made = archived()
    if is_forced:
        for product in products_of(client, made):
            client.force_removal(product.id, "of no use")
    before = {product.filename: content(path_of(product)) for product in products_of(client, made)}
    disk = (data_root / "wcudata1").rename(data_root / "unmounted")
    (data_root / "wcudata1").mkdir()
    (data_root / place).mkdir(exist_ok=True)
    with pytest.raises(RemoveError, match=r"Mount its disk|not mounted"):
        remove(made)
    assert statuses(client, made) == ["archived"] * 3
    assert list(client.receipts()) == []
    for folder in sorted((data_root / "wcudata1").rglob("*"), reverse=True):
        folder.rmdir()
    (data_root / "wcudata1").rmdir()
    disk.rename(data_root / "wcudata1")
    assert {product.filename: content(path_of(product)) for product in products_of(client, made)} == before
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


def test_a_disk_that_is_unmounted_is_an_error_and_the_data_come_back_with_it(
    client: Client, archived: Make, remove: Any, data_root: Path, tmp_path: Path, mount: Mount
) -> None:
    disk, place = tmp_path / "disk", data_root / "wcudata1"
    disk.mkdir()
    mount("tmpfs", disk)
    mount(disk, place)
    made = archived()
    assert (disk / MARKER).is_file()
    assert {product.disk for product in products_of(client, made)} == {(disk / MARKER).read_text().strip()}
    unmount(place)
    assert list(place.iterdir()) == []
    with pytest.raises(RemoveError, match="the disk that is mounted now has no identity"):
        remove(made)
    assert statuses(client, made) == ["archived"] * 3
    mount(disk, place)
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


def test_a_disk_with_the_same_files_in_the_place_of_another_is_an_error(
    client: Client, archived: Make, remove: Any, check_again: Any, data_root: Path
) -> None:
    made = archived()
    host = data_root / "wcudata1"
    shutil.copytree(host, data_root / "other")
    host.rename(data_root / "first")
    (data_root / "other").rename(host)
    (host / MARKER).write_text("12345678-1234-1234-1234-123456789abc\n")
    with pytest.raises(RemoveError, match="has the identity 12345678-1234-1234-1234-123456789abc"):
        remove(made)
    assert has_code(last(client, made)[1], ReasonCode.OTHER_DISK)
    check_again(made)
    assert {product.disk for product in products_of(client, made)} == {"12345678-1234-1234-1234-123456789abc"}
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


@pytest.mark.parametrize("marker", [b"", b"no identity", b"12345678-1234-1234-1234-123456789abc\nand more"])
def test_an_identity_of_a_disk_that_cannot_be_read_is_an_error(
    client: Client, archived: Make, remove: Any, data_root: Path, marker: bytes
) -> None:
    made = archived()
    (data_root / "wcudata1" / MARKER).write_bytes(marker)
    with pytest.raises(RemoveError, match="does not contain the identity of a disk"):
        remove(made)
    assert statuses(client, made) == ["archived"] * 3


def test_missing_data_are_an_error_until_an_admin_forces_the_removal_and_the_receipt_says_so(
    client: Client, archived: Make, remove: Any
) -> None:
    made = archived(products=2)
    lost, _ = products_of(client, made)
    shutil.rmtree(path_of(lost))
    with pytest.raises(RemoveError, match="is not on its data host, and ATDB has not deleted it"):
        remove(made)
    assert statuses(client, made) == ["archived", "removed"]
    assert has_code(last(client, made)[1], ReasonCode.DATA_MISSING)
    client.force_removal(lost.id, "the disk was cleaned")
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed", "removed"]
    (receipt,) = client.receipts(dataproduct=lost.filename)
    assert receipt.forced
    assert "the disk was cleaned" in receipt.reason
    assert "Nothing was found on the data host, so nothing was deleted." in receipt.reason


@pytest.mark.parametrize("way", ["in the data root", "mounted in the data root"])
def test_data_that_are_the_archives_copy_themselves_stay(
    client: Client, written: Make, context: Context, data_root: Path, remove: Any, archive_root: Path,
    monkeypatch: pytest.MonkeyPatch, mount: Mount, way: str,
) -> None:  # fmt: skip
    made = written(products=0)
    if way == "in the data root":
        archive_root = data_root / "arts001" / "alta"
        archive_root.mkdir()
        use_archive(monkeypatch, f"file://{archive_root}")
        location = f"arts001:/alta/imaging/{made.taskID}"
    else:
        (archive_root / "imaging").mkdir()
        mount(archive_root / "imaging", data_root / "arts001")
        location = f"arts001:/{made.taskID}"
    new = NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}.MS", data_location=location)
    client.create_dataproducts([new])
    (product,) = products_of(client, made)
    path = data_root / location.replace(":", "") / product.filename
    write(path, 1000)
    before = content(path)
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    if way == "in the data root":
        # The archive has got its identity, so ATDB recognises it.
        with pytest.raises(IngestError, match=r"is in the archive at .*Do not mount the archive"):
            IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    else:
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        with pytest.raises(RemoveError, match="has disappeared with the name of the data"):
            remove(made)
    assert content(path) == before
    assert list(client.receipts()) == []


@pytest.mark.parametrize("killed", [None, "before the tombstone", "after the tombstone"])
def test_products_are_removed_from_a_full_disk(
    client: Client, archived: Make, remove: Any, data_root: Path, mount: Mount, killed: str | None
) -> None:
    disk = data_root / "wcudata1"
    mount("tmpfs", disk)
    subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
    made = archived()
    fill(disk / "other data")
    if killed is not None:
        kill(lambda: remove(made), os, "rename", before=killed == "before the tombstone")
        assert statuses(client, made) == ["archived"] * 3
    remove(made)
    assert statuses(client, made) == ["removed"] * 3
    assert (disk / reserve.NAME).stat().st_blocks * 512 >= reserve.BYTES
    assert sorted(path.name for path in disk.rglob(".*")) == [MARKER, reserve.NAME]


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(path).free == 0


@pytest.mark.parametrize("kind", ["link", "second name", "directory"])
def test_what_is_no_reserve_stays_as_it_is(
    client: Client, archived: Make, remove: Any, data_root: Path, mount: Mount, kind: str
) -> None:
    disk = data_root / "wcudata1"
    mount("tmpfs", disk)
    subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
    made = archived()
    other, name = disk / "other data", disk / reserve.NAME
    name.unlink()
    other.write_bytes(b"of others")
    match kind:
        case "link":
            name.symlink_to(other)
        case "second name":
            name.hardlink_to(other)
        case _:
            name.mkdir()
    fill(disk / "more data")
    with pytest.raises(RemoveError, match="No space left"):
        remove(made)
    assert other.read_bytes() == b"of others"
    assert statuses(client, made) == ["archived"] * 3
    (disk / "more data").unlink()
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3
