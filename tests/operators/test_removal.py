"""Only data that the archive is proven to hold are deleted, whatever happens meanwhile."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from airflow.sdk.exceptions import AirflowSkipException
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.client import Client
from atdb_interface.dataproducts import NewDataProduct
from atdb_interface.lifecycle import Action, Status
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.data import deletion, removal
from operators.data.data_disks import MARKER
from operators.data.local_products import path_of
from operators.data.removal import Removal
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError, RemoveProductsOperator
from operators.stages.validate import ValidateProductsOperator
from tests.mounts import unmount
from tests.operators.conftest import Context, Sql, use_archive
from tests.operators.killing import kill
from tests.operators.observations import Make, Observe, in_archive, last, products_of, statuses, write

Change = Callable[[Path], None]
Mount = Callable[[Path | str, Path], None]


class WatchedFileSystem(LocalFileSystem):
    """A local disk that calls `happens` whenever a file is opened for reading."""

    protocol = ("watched",)
    cachable = False
    happens: ClassVar[Callable[[str], None]] = staticmethod(lambda _: None)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        if "r" in mode:
            WatchedFileSystem.happens(path)
        return super()._open(path, mode, **kwargs)


fsspec.register_implementation("watched", WatchedFileSystem, clobber=True)


@pytest.fixture
def remove(context: Context, archive_root: Path) -> Callable[[Observation], None]:
    return lambda made: RemoveProductsOperator(task_id="remove").execute(context(made.taskID, "remove"))


@pytest.fixture
def check_again(client: Client, context: Context) -> Callable[[Observation], None]:
    """Use the action check, then do what the stages validate and ingest do."""

    def work(made: Observation, action: Action = Action.CHECK) -> None:
        client.act(made.taskID, action)
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        if client.observation(made.taskID).my_status is Status.VALID:
            IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))

    return work


def content(path: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a product."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def hidden(path: Path) -> list[str]:
    """Return what a removal has left beside a product."""
    return sorted(each.name for each in path.parent.iterdir() if each.name.startswith(f".{path.name}."))


def main_file(path: Path) -> Path:
    return path / "table.dat" if path.is_dir() else path


def overwrite(path: Path, n_bytes: int) -> None:
    """Write other bytes, and restore the time of the last modification as a copying program does."""
    file, before = main_file(path), main_file(path).stat()
    with file.open("r+b") as opened:
        opened.truncate(n_bytes)
        opened.write(os.urandom(n_bytes))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Change] = {
    "as many other bytes": lambda path: overwrite(path, main_file(path).stat().st_size),
    "fewer other bytes": lambda path: overwrite(path, main_file(path).stat().st_size // 2),
    "more bytes": lambda path: overwrite(path, main_file(path).stat().st_size + 5),
}


@pytest.mark.parametrize("number", [0, 1], ids=["directory", "file"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("action", [Action.CHECK, Action.INGEST])
def test_data_that_were_overwritten_after_archiving_stay_until_they_are_archived_again(
    client: Client, archived: Make, archive_root: Path, remove: Any, check_again: Any,
    change: str, number: int, action: Action,
) -> None:  # fmt: skip
    made = archived()
    product = products_of(client, made)[number]
    path = path_of(product)
    CHANGES[change](path)
    other = content(path)
    with pytest.raises(RemoveError, match=r"differs from the archive.* Use the action check"):
        remove(made)
    assert content(path) == other
    assert hidden(path) == []
    assert statuses(client, made).count("removed") == 2
    assert not list(client.receipts(dataproduct=product.filename))
    assert has_code(last(client, made)[1], ReasonCode.DATA_DIFFERS)
    check_again(made, action)
    assert last(client, made)[0] == "archived"
    assert content(in_archive(archive_root, made) / product.filename) == other
    now = products_of(client, made)[number]
    assert (now.size, now.checksum != product.checksum) == (sum(map(len, other.values())), True)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3
    assert not path.exists()


@pytest.mark.parametrize("what", ["grows", "is overwritten", "gets another file", "loses a file"])
def test_data_that_change_while_the_archives_copy_is_verified_stay(
    client: Client, archived: Make, archive_root: Path, remove: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    made = archived(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    use_archive(monkeypatch, f"watched://{archive_root}")

    def change(_: str) -> None:
        monkeypatch.setattr(WatchedFileSystem, "happens", staticmethod(lambda _: None))
        match what:
            case "grows":
                with (path / "table.dat").open("ab") as file:
                    file.write(b"x")
            case "is overwritten":
                overwrite(path, 1000)
            case "gets another file":
                (path / "sub" / "new").write_bytes(b"x")
            case "loses a file":
                (path / "sub" / "two words").unlink()

    monkeypatch.setattr(WatchedFileSystem, "happens", staticmethod(change))
    with pytest.raises(RemoveError, match="differs from the archive"):
        remove(made)
    assert path.is_dir()
    assert statuses(client, made) == ["archived"]
    assert list(client.receipts()) == []


@pytest.mark.parametrize("number", [0, 1], ids=["directory", "file"])
def test_data_that_change_after_the_comparison_are_compared_again_and_stay(
    client: Client, archived: Make, remove: Any, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    made = archived()
    product = products_of(client, made)[number]
    path = path_of(product)
    name = "require_deletion_allowed" if number else "rename_aside"
    function = getattr(removal, name)
    changed: list[dict[str, bytes]] = []

    def change_first(*arguments: Any) -> Any:
        if path.exists() and not changed:
            overwrite(path, main_file(path).stat().st_size)
            changed.append(content(path))
        return function(*arguments)

    monkeypatch.setattr(removal, name, change_first)
    with pytest.raises(RemoveError, match="differs from the archive"):
        remove(made)
    assert [content(path)] == changed
    assert hidden(path) == []


def test_another_file_identity_of_the_same_bytes_is_no_reason_to_refuse(
    client: Client, archived: Make, remove: Any
) -> None:
    made = archived()
    for product in products_of(client, made):
        path = path_of(product)
        copy = path.with_name("copy")
        shutil.copytree(path, copy) if path.is_dir() else shutil.copy(path, copy)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        copy.rename(path)
    remove(made)
    assert statuses(client, made) == ["removed"] * 3


@pytest.mark.parametrize("is_changed", [False, True])
def test_products_of_the_version_before_have_no_identity_so_their_data_are_read(
    client: Client, archived: Make, remove: Any, sql: Sql, is_changed: bool
) -> None:
    made = archived()
    sql("update dataproducts set identity = null, disk = null")
    product, *_ = products_of(client, made)
    if is_changed:
        overwrite(path_of(product), 1000)
        with pytest.raises(RemoveError, match="differs from the archive"):
            remove(made)
        assert path_of(product).exists()
    else:
        remove(made)
    assert statuses(client, made) == ["archived" if is_changed else "removed", "removed", "removed"]


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


# Kills

KILLS: dict[str, tuple[Any, str, bool]] = {
    "after the rename": (removal, "rename_aside", False),
    "before the tombstone": (removal, "write_tombstone", True),
    "after the tombstone": (removal, "write_tombstone", False),
    "after the first file": (deletion.os, "unlink", False),
    "after the deletion": (removal, "delete_product", False),
    "before the report": (Client, "move_products", True),
    "after the report": (Removal, "forget", True),
}


@pytest.fixture
def archived_one(client: Client, written: Make, context: Context, archive_root: Path) -> Make:
    """Archive an observation with one product, whose name has this ending."""

    def make(ending: str, **fields: object) -> Observation:
        made = written(products=0, **fields)
        client.create_dataproducts([NewDataProduct(taskID=made.taskID, filename=f"{made.taskID}{ending}")])
        (product,) = products_of(client, made)
        write(path_of(product), 1000)
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        return made

    return make


@pytest.mark.parametrize(
    ("ending", "way"),
    [(".MS", "another attempt"), (".fits", "another attempt"), (".MS", "check"), (".fits", "ingest")],
)
@pytest.mark.parametrize("point", KILLS)
def test_a_removal_that_is_killed_is_continued(
    client: Client, archived_one: Make, archive_root: Path, remove: Any, check_again: Any,
    point: str, ending: str, way: str,
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
    if way != "another attempt":
        client.act(made.taskID, Action.HOLD)
        client.act(made.taskID, Action.RESUME)
        check_again(made, Action(way))
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
    kill(lambda: remove(made), deletion.os, "unlink")
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


# Other file systems, links, and files that are not data


@pytest.mark.parametrize("is_forced", [False, True])
def test_another_file_system_in_a_product_is_never_entered(
    client: Client, archived_one: Make, remove: Any, tmp_path: Path, mount: Mount, is_forced: bool
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)
    before = content(path)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    if is_forced:
        client.force_removal(product.id, "of no use")
    mount(precious, path / "sub")
    with pytest.raises(RemoveError, match="sub is on another file system") as refused:
        remove(made)
    assert refused.value.code == ReasonCode.OTHER_FILE_SYSTEM
    assert (precious / "file").read_bytes() == b"x"
    assert hidden(path) == []
    unmount(path / "sub")
    assert content(path) == before
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert (precious / "file").read_bytes() == b"x"


def test_a_file_system_that_is_mounted_after_the_comparison_is_not_entered_either(
    client: Client, archived_one: Make, remove: Any, tmp_path: Path, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    write_tombstone = removal.write_tombstone

    def mount_first(*arguments: Any) -> None:
        write_tombstone(*arguments)
        (aside,) = (each for each in path_of(product).parent.iterdir() if each.name.endswith(".removing"))
        mount(precious, aside / "sub")

    monkeypatch.setattr(removal, "write_tombstone", mount_first)
    with pytest.raises(RemoveError, match="sub is on another file system"):
        remove(made)
    assert (precious / "file").read_bytes() == b"x"
    assert statuses(client, made) == ["archived"]


@pytest.mark.parametrize("where", ["in a product", "as a directory", "as a file"])
def test_a_link_is_never_followed_and_never_counts_as_data(
    client: Client, archived: Make, remove: Any, tmp_path: Path, where: str
) -> None:
    made = archived(products=2)
    precious = tmp_path / "precious"
    directory, file = (path_of(product) for product in products_of(client, made))
    if where == "as a file":
        link = file
        file.rename(precious)
    else:
        link = directory if where == "as a directory" else directory / "sub"
        link.rename(precious)
    link.symlink_to(precious)
    before = content(precious)
    with pytest.raises(RemoveError, match="is neither a file nor a directory"):
        remove(made)
    assert content(precious) == before
    assert link.is_symlink()
    assert statuses(client, made).count("archived") == 1


def test_a_forced_removal_deletes_a_link_and_not_what_it_leads_to(
    client: Client, archived: Make, remove: Any, tmp_path: Path
) -> None:
    made = archived()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    for product in products_of(client, made):
        client.force_removal(product.id, "of no use")
    directory, file, other = (path_of(product) for product in products_of(client, made))
    (directory / "link").symlink_to(precious)
    file.unlink()
    file.symlink_to(precious / "file")
    shutil.rmtree(other)
    other.symlink_to(precious)
    remove(made)
    assert (precious / "file").read_bytes() == b"x"
    assert not any(path.is_symlink() or path.exists() for path in (directory, file, other))


@pytest.mark.parametrize("when", ["before", "after the comparison"])
def test_the_lock_file_of_a_measurement_set_may_change(
    client: Client, written: Make, context: Context, remove: Any, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    (path / "table.lock").write_bytes(b"lock")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    (product,) = products_of(client, made)
    assert product.size == 1010

    def open_the_table(path: Path) -> None:
        (path / "table.lock").write_bytes(b"lock of a process that reads the table")
        (path / "sub" / "table.lock").write_bytes(b"and of another one")

    if when == "before":
        open_the_table(path)
    else:
        write_tombstone = removal.write_tombstone

        def and_then_open(*arguments: Any) -> None:
            write_tombstone(*arguments)
            (aside,) = (each for each in path.parent.iterdir() if each.name.endswith(".removing"))
            open_the_table(aside)

        monkeypatch.setattr(removal, "write_tombstone", and_then_open)
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert not path.exists()
    assert hidden(path) == []


def test_files_with_several_names_are_deleted(
    client: Client, written: Make, context: Context, remove: Any
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    os.link(path / "table.dat", path / "sub" / "another name")
    ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
    IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
    remove(made)
    assert statuses(client, made) == ["removed"]
    assert not path.exists()


# Other products, and statuses that the products do not support


@pytest.mark.parametrize("relation", ["contains", "is inside", "is also"])
@pytest.mark.parametrize("when", ["before", "after the comparison"])
def test_a_product_of_another_observation_in_the_same_place_keeps_the_data(
    client: Client, archived_one: Make, observe: Observe, remove: Any, sql: Sql, monkeypatch: pytest.MonkeyPatch,
    relation: str, when: str,
) -> None:  # fmt: skip
    made = archived_one(".MS", data_location="wcudata1:/data/apertif")
    (product,) = products_of(client, made)
    path, other = path_of(product), observe()
    places = {
        "contains": (f"wcudata1:/data//apertif/./{product.filename}/sub", "two words"),
        "is inside": ("wcudata1:/data/.", "apertif"),
        "is also": ("wcudata1:/data/apertif/", product.filename),
    }
    location, filename = places[relation]

    def add() -> None:
        client.create_dataproducts([NewDataProduct(taskID=other.taskID, filename="a name.fits")])
        sql(
            "update dataproducts set data_location = :location, filename = :filename where task_id = :task",
            location=location,
            filename=filename,
            task=other.taskID,
        )

    if when == "before":
        add()
    else:
        rename_aside = removal.rename_aside

        def add_first(folder: int, filename: str) -> str:
            if not list(client.dataproducts(taskID=other.taskID)):
                add()
            return rename_aside(folder, filename)

        monkeypatch.setattr(removal, "rename_aside", add_first)
    words = f"{relation} {filename}, a data product of {other.taskID}, with status defined"
    if relation == "is also":
        words = f"is also a data product of {other.taskID}, with status defined"
    with pytest.raises(RemoveError, match=words) as refused:
        remove(made)
    assert refused.value.code == ReasonCode.DATA_SHARED
    assert statuses(client, made) == ["archived"]
    assert content(path).keys() == {"table.dat", "sub/two words"}
    assert hidden(path) == []
    sql("update dataproducts set status = 'removed' where task_id = :task", task=other.taskID)
    client.act(made.taskID, Action.RETRY)
    remove(made)
    assert statuses(client, made) == ["removed"]


def test_a_name_that_only_begins_like_a_product_is_not_inside_it(
    client: Client, archived_one: Make, observe: Observe, remove: Any
) -> None:
    made = archived_one(".MS", data_location="wcudata1:/data/apertif")
    (product,) = products_of(client, made)
    other = observe()
    for location in (
        f"wcudata1:/data/apertif/{product.filename}.old",
        f"arts001:/data/apertif/{product.filename}",
    ):
        client.create_dataproducts(
            [NewDataProduct(taskID=other.taskID, filename=f"{location[:4]}.fits", data_location=location)]
        )
    remove(made)
    assert statuses(client, made) == ["removed"]


def test_an_observation_without_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    paths = [path_of(product) for product in products_of(client, made)]
    sql("delete from dataproducts")
    with pytest.raises(RemoveError, match="has no data product in the archive"):
        remove(made)
    assert last(client, made)[0] == "remove error"
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("status", ["valid", "defined", "ingesting", "ingest error"])
def test_an_observation_that_was_called_archived_before_its_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql, status: str
) -> None:
    made = archived()
    first, *_ = products_of(client, made)
    sql("update dataproducts set status = :status where id = :id", status=status, id=first.id)
    with pytest.raises(RemoveError, match=f"1 of 3 data products are not archived.*which is {status}"):
        remove(made)
    assert has_code(last(client, made)[1], ReasonCode.NOT_ARCHIVED)
    assert all(path_of(product).exists() for product in products_of(client, made))
    assert list(client.receipts()) == []


def test_an_observation_with_only_invalid_products_is_not_removed(
    client: Client, archived: Make, remove: Any, sql: Sql
) -> None:
    made = archived()
    sql("update dataproducts set status = 'invalid'")
    with pytest.raises(RemoveError, match="has no data product in the archive"):
        remove(made)
    assert all(path_of(product).exists() for product in products_of(client, made))


def test_the_order_of_a_removal(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)
    seen: list[tuple[str, str, bool]] = []

    def watch(place: Any, name: str) -> None:
        function = getattr(place, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            seen.append((name, statuses(client, made)[0], any(path.parent.glob(f".{path.name}.*.removing"))))
            return function(*arguments, **named)

        monkeypatch.setattr(place, name, watched)

    for place, name in (
        (removal, "rename_aside"),
        (removal, "write_tombstone"),
        (removal, "delete_product"),
        (deletion.os, "rmdir"),
        (Client, "move_products"),
        (Removal, "forget"),
    ):
        watch(place, name)
    remove(made)
    assert seen == [
        ("rename_aside", "archived", False),
        ("write_tombstone", "archived", True),
        ("delete_product", "archived", True),
        ("rmdir", "archived", True),  # of the directory in the product
        ("rmdir", "archived", True),
        ("move_products", "archived", False),
        ("forget", "removed", False),
    ]


def test_the_tombstone_is_on_the_disk_before_anything_is_deleted(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".fits")
    (product,) = products_of(client, made)
    folder = path_of(product).parent
    calls: list[str] = []
    fsync, unlink, rename = os.fsync, os.unlink, os.rename

    def name_of(handle: int) -> str:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        return "the folder" if path == folder else "the tombstone" if ".atdb-removed" in path.name else path.name

    def record(name: str, function: Callable[..., None]) -> Callable[..., None]:
        def recorded(*arguments: Any, **named: Any) -> None:
            what = name_of(arguments[0]) if name == "fsync" else str(arguments[-1]).removeprefix(".")
            calls.append(f"{name} {what}" if name == "fsync" else name)
            function(*arguments, **named)

        return recorded

    for name, function in (("fsync", fsync), ("unlink", unlink), ("rename", rename)):
        monkeypatch.setattr(os, name, record(name, function))
    remove(made)
    assert calls == [
        "fsync the tombstone",
        "rename",
        "fsync the folder",
        "unlink",
        "fsync the folder",
        "unlink",  # the tombstone, after the report
    ]


def test_a_run_that_has_lost_its_lease_leaves_what_the_next_one_deletes(
    client: Client, archived_one: Make, remove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archived_one(".MS")
    (product,) = products_of(client, made)
    path = path_of(product)
    rename_aside = removal.rename_aside

    def and_let_another_run_begin(folder: int, filename: str) -> str:
        aside = rename_aside(folder, filename)
        monkeypatch.setattr(removal, "rename_aside", rename_aside)
        kill(lambda: remove(made), deletion.os, "unlink")
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
