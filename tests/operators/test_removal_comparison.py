"""Data that differ from the archive are not deleted, whenever they change."""

import mmap
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from atdb_interface.client import Client
from atdb_interface.lifecycle import Action
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import has_code
from operators.data import removal
from operators.data.local_products import path_of
from operators.data.removal_check import RemovalCheck
from operators.data.tombstones import write_tombstone
from operators.stages.ingest import IngestProductsOperator
from operators.stages.remove import RemoveError
from operators.stages.validate import ValidateProductsOperator
from tests.operators.conftest import Sql
from tests.operators.contexts import Context, use_archive
from tests.operators.observations import Make, in_archive, last, products_of, statuses
from tests.operators.removals import content, hidden, main_file, overwrite

Change = Callable[[Path], None]


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


def test_data_stay_if_a_program_changes_them_in_its_memory_since_before_they_were_validated(
    client: Client, written: Make, context: Context, remove: Any
) -> None:
    made = written(products=1)
    (product,) = products_of(client, made)
    path = path_of(product)
    with (path / "table.dat").open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        before = path.joinpath("table.dat").stat().st_ctime_ns
        os.fsync(file.fileno())
        memory[0] ^= 1  # from now on, the kernel does not notice when the program writes here
        if path.joinpath("table.dat").stat().st_ctime_ns == before:
            pytest.skip("this file system, such as one in memory, never notices such writing")
        ValidateProductsOperator(task_id="validate").execute(context(made.taskID, "validate"))
        IngestProductsOperator(task_id="ingest").execute(context(made.taskID, "ingest"))
        memory[1] ^= 1
        other = content(path)
        with pytest.raises(RemoveError, match=r"differs from the archive.* Use the action check"):
            remove(made)
    assert content(path) == other
    assert statuses(client, made) == ["archived"]


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
    place: Any = RemovalCheck if number else removal
    name = "is_same" if number else "rename_aside"
    function = getattr(place, name)
    changed: list[dict[str, bytes]] = []

    def change_first(*arguments: Any) -> Any:
        if product in arguments or product.filename in arguments:
            overwrite(path, main_file(path).stat().st_size)
            changed.append(content(path))
        return function(*arguments)

    monkeypatch.setattr(place, name, change_first)
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
