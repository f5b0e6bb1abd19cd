"""A product is deleted through directory descriptors: nothing outside it, and nothing that was not compared."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.dataproducts import DataProduct
from atdb_interface.product_files import open_folder, open_product
from atdb_interface.renames import exists, rename_new
from operators.data.deletion import delete_product
from operators.data.local_products import DataError
from operators.data.renames import asides_of, put_back, rename_aside
from operators.data.tombstones import (
    Tombstone,
    delete_tombstone,
    product_of_tombstone,
    read_tombstone,
    states_of,
    write_tombstone,
)
from tests.mounts import Mount

NAME = "WSRTA190405034_B000.MS"


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "data" / NAME
    (path / "sub" / "empty").mkdir(parents=True)
    for name in ("table.dat", "sub/a", "sub/b", "table.lock", os.fsdecode(b"sub/not \xff text")):
        (path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    return path


def tombstone_of(path: Path) -> Tombstone:
    with open_product(path) as opened:
        return Tombstone("190405034", path.name, "ab" * 32, "a disk", path.name, states_of(opened.entries()))


def delete(path: Path, tombstone: Tombstone) -> None:
    with open_folder(path.parent) as folder:
        delete_product(folder, path.name, tombstone)


def record_fsync(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Record each directory, and each file with its size, that is written to the disk."""
    fsync = os.fsync
    calls: list[tuple[str, int]] = []

    def recorded(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        calls.append(("file", path.stat().st_size) if path.is_file() else (path.name, 0))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", recorded)
    return calls


def open_files() -> list[str]:
    return sorted(str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())


def test_all_that_was_compared_is_deleted_and_the_folder_stays(product: Path) -> None:
    delete(product, tombstone_of(product))
    assert list(product.parent.iterdir()) == []


def test_a_deletion_closes_all_that_it_opens(product: Path) -> None:
    tombstone, before = tombstone_of(product), open_files()
    delete(product, tombstone)
    assert open_files() == before


def test_a_forced_removal_deletes_whatever_is_there(product: Path, tmp_path: Path) -> None:
    tombstone = replace(tombstone_of(product), files=None)
    precious = tmp_path / "precious"
    precious.write_bytes(b"x")
    (product / "sub" / "link").symlink_to(precious)
    (product / "new").write_bytes(b"new")
    delete(product, tombstone)
    assert list(product.parent.iterdir()) == []
    assert precious.read_bytes() == b"x"


def test_another_file_system_is_not_entered(product: Path, tmp_path: Path, mount: Mount) -> None:
    tombstone = replace(tombstone_of(product), files=None)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    mount(precious, product / "sub" / "empty")
    with pytest.raises(DataError, match="sub/empty is on another file system"):
        delete(product, tombstone)
    assert (precious / "file").read_bytes() == b"x"


def test_a_deletion_survives_a_power_cut(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tombstone, calls = tombstone_of(product), record_fsync(monkeypatch)
    delete(product, tombstone)
    assert calls == [("data", 0)]
    assert not product.exists()


def test_files_that_have_several_names_are_deleted(product: Path) -> None:
    os.link(product / "sub" / "a", product / "sub" / "c")
    delete(product, tombstone_of(product))
    assert not product.exists()


def test_files_that_have_several_names_are_compared_as_well(product: Path) -> None:
    os.link(product / "sub" / "a", product / "sub" / "c")
    tombstone = tombstone_of(product)
    (product / "sub" / "a").write_bytes(b"longer than before")
    with pytest.raises(DataError, match="sub/a has changed while the product was deleted"):
        delete(product, tombstone)
    assert (product / "sub" / "c").read_bytes() == b"longer than before"


def test_a_tombstone_is_read_as_it_was_written(product: Path) -> None:
    tombstone = tombstone_of(product)
    with open_folder(product.parent) as folder:
        assert read_tombstone(folder, NAME) is None
        write_tombstone(folder, tombstone)
        assert read_tombstone(folder, NAME) == tombstone
        (found,) = (name for name in os.listdir(folder) if name != NAME)  # noqa: PTH208
        assert product_of_tombstone(found) == NAME
        write_tombstone(folder, replace(tombstone, files=None))
        assert read_tombstone(folder, NAME) == replace(tombstone, files=None)
        for _ in range(2):
            delete_tombstone(folder, NAME)
            assert read_tombstone(folder, NAME) is None


def test_a_tombstone_lists_the_files_that_are_data(product: Path) -> None:
    assert sorted(tombstone_of(product).files or {}) == ["sub/a", "sub/b", "sub/not \udcff text", "table.dat"]


def test_a_tombstone_belongs_to_the_data_of_one_product_on_one_disk(product: Path) -> None:
    tombstone = tombstone_of(product)
    same = DataProduct.model_construct(taskID="190405034", filename=NAME, checksum="ab" * 32)
    assert tombstone.is_of(same, "a disk")
    assert not tombstone.is_of(same, "another disk")
    for other in ({"taskID": "190405035"}, {"filename": "other.MS"}, {"checksum": "cd" * 32}):
        assert not tombstone.is_of(same.model_copy(update=other), "a disk")


def test_a_tombstone_is_on_the_disk_before_it_gets_its_name(
    product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, rename = record_fsync(monkeypatch), os.rename

    def recorded_rename(*arguments: Any, **named: Any) -> None:
        calls.append(("rename", 0))
        rename(*arguments, **named)

    monkeypatch.setattr(os, "rename", recorded_rename)
    with open_folder(product.parent) as folder:
        write_tombstone(folder, tombstone_of(product))
    size = product.with_name(f".{NAME}.atdb-removed").stat().st_size
    assert calls == [("file", size), ("rename", 0), ("data", 0)]


def test_a_tombstone_can_be_read_by_others(product: Path) -> None:
    with open_folder(product.parent) as folder:
        write_tombstone(folder, tombstone_of(product))
    assert stat.S_IMODE(product.with_name(f".{NAME}.atdb-removed").stat().st_mode) == 0o644


def test_a_tombstone_that_cannot_be_written_leaves_the_one_before(
    product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = replace(tombstone_of(product), files=None)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "an error of the disk")

    with open_folder(product.parent) as folder:
        write_tombstone(folder, before)
        for call in ("fsync", "rename"):
            with monkeypatch.context() as broken:
                broken.setattr(os, call, fail)
                with pytest.raises(OSError, match="an error of the disk"):
                    write_tombstone(folder, tombstone_of(product))
            assert read_tombstone(folder, NAME) == before
        assert sorted(os.listdir(folder)) == [f".{NAME}.atdb-removed", NAME]  # noqa: PTH208


def test_a_tombstone_is_not_written_through_a_link(
    product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x")
    monkeypatch.setattr("secrets.token_hex", lambda _: "0")
    product.with_name(f".{NAME}.atdb-removed.0").symlink_to(precious)
    with open_folder(product.parent) as folder, pytest.raises(FileExistsError):
        write_tombstone(folder, tombstone_of(product))
    assert precious.read_bytes() == b"x"


def test_a_tombstone_is_not_read_through_a_link(product: Path, tmp_path: Path) -> None:
    tombstone = product.with_name(f".{NAME}.atdb-removed")
    with open_folder(product.parent) as folder:
        write_tombstone(folder, tombstone_of(product))
        tombstone.symlink_to(tombstone.rename(tmp_path / "elsewhere"))
        with pytest.raises(OSError, match="symbolic links"):
            read_tombstone(folder, NAME)


@pytest.mark.timeout(10)
def test_a_pipe_in_place_of_a_tombstone_does_not_block(product: Path) -> None:
    os.mkfifo(product.with_name(f".{NAME}.atdb-removed"))
    with open_folder(product.parent) as folder:
        assert read_tombstone(folder, NAME) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"taskID": "190405034"}', '{"files": {"a": 1}}'])
def test_a_file_that_is_no_tombstone_does_not_count(product: Path, content: str) -> None:
    product.with_name(f".{NAME}.atdb-removed").write_text(content)
    with open_folder(product.parent) as folder:
        assert read_tombstone(folder, NAME) is None


@pytest.mark.parametrize("name", [".atdb-removed", "..atdb-removed", "a.atdb-removed", ".a.atdb-remove", NAME])
def test_the_names_of_other_files_are_not_those_of_tombstones(name: str) -> None:
    assert product_of_tombstone(name) is None


CHANGES: dict[str, Callable[[Path], object]] = {
    "another size": lambda path: (path / "sub" / "b").write_bytes(b"longer than before"),
    "another file": lambda path: (path / "sub" / "c").write_bytes(b"new"),
    "another time": lambda path: os.utime(path / "sub" / "b", ns=(1, 1)),
    "only the time of the change": lambda path: (path / "sub" / "b").chmod(0o600),
    "the same bytes once more": lambda path: (path / "sub" / "b").write_bytes(b"sub/b"),
    "a link": lambda path: (path / "sub" / "c").symlink_to("nowhere"),
    "a pipe": lambda path: os.mkfifo(path / "sub" / "c"),
    "a link of the name of a lock file": lambda path: (path / "sub" / "d" / "table.lock").symlink_to(path),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_not_compared_stays_with_all_after_it(product: Path, change: str) -> None:
    (product / "sub" / "d").mkdir()
    (product / "sub" / "e").write_bytes(b"e")
    tombstone = tombstone_of(product)
    CHANGES[change](product)
    with pytest.raises(DataError, match="has changed while the product was deleted"):
        delete(product, tombstone)
    assert (product / "table.dat").exists()
    assert (product / "sub" / "e").exists()
    assert not (product / "sub" / "a").exists()


def test_a_link_that_is_put_in_place_of_a_directory_is_not_followed(product: Path, tmp_path: Path) -> None:
    tombstone = tombstone_of(product)
    moved = (product / "sub").rename(tmp_path / "moved")
    (product / "sub").symlink_to(moved)
    with pytest.raises(DataError):
        delete(product, tombstone)
    assert sorted(path.name for path in moved.iterdir()) == ["a", "b", "empty", "not \udcff text"]


@pytest.mark.parametrize("depth", [1, 2])
def test_a_link_on_the_way_is_not_followed(product: Path, tmp_path: Path, depth: int) -> None:
    tombstone = tombstone_of(product)
    parent = product.parents[depth - 1]
    moved = parent.rename(tmp_path.with_name(f"{tmp_path.name} moved"))
    parent.symlink_to(moved)
    with pytest.raises(ValueError, match="contains a symbolic link"):
        delete(product, tombstone)
    assert (moved / product.relative_to(parent) / "table.dat").exists()


def test_a_rename_never_replaces_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for is_supported in (True, False):
        if not is_supported:  # as on a file system of a network
            monkeypatch.setattr("atdb_interface.renames._LIBC.renameat2", lambda *_: -1)
            monkeypatch.setattr("ctypes.get_errno", lambda: 22)
        folder = tmp_path / str(is_supported)
        for name in ("a directory", "a full one"):
            (folder / name).mkdir(parents=True)
            (folder / name / "file").write_bytes(name.encode())
        for name in ("a file", "another"):
            (folder / name).write_bytes(name.encode())
        with open_folder(folder) as opened:
            for source, target in (("a file", "another"), ("a directory", "a full one"), ("a file", "a full one")):
                with pytest.raises(FileExistsError):
                    rename_new(opened, source, target)
                assert exists(opened, source)
            for source in ("a file", "a directory"):
                aside = rename_aside(opened, source)
                assert asides_of(opened, source) == [aside]
                assert not exists(opened, source)
                put_back(folder, source)
                assert asides_of(opened, source) == []
        assert (folder / "another").read_bytes() == b"another"
        assert (folder / "a full one" / "file").read_bytes() == b"a full one"
        assert (folder / "a directory" / "file").read_bytes() == b"a directory"
        assert (folder / "a file").read_bytes() == b"a file"


def test_a_product_is_not_put_back_in_place_of_a_new_one(product: Path) -> None:
    with open_folder(product.parent) as folder:
        aside = rename_aside(folder, NAME)
        product.write_bytes(b"new")
        put_back(product.parent, NAME)
        assert product.read_bytes() == b"new"
        assert asides_of(folder, NAME) == [aside]
    put_back(product.parent / "nowhere", NAME)


def test_of_several_products_that_were_renamed_aside_none_is_put_back(product: Path) -> None:
    with open_folder(product.parent) as folder:
        asides = [rename_aside(folder, NAME)]
        product.mkdir()
        asides.append(rename_aside(folder, NAME))
        put_back(product.parent, NAME)
        assert asides_of(folder, NAME) == sorted(asides)


@pytest.mark.parametrize("is_supported", [True, False])
def test_a_link_is_renamed_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_supported: bool
) -> None:
    if not is_supported:  # as on a file system of a network
        monkeypatch.setattr("atdb_interface.renames._LIBC.renameat2", lambda *_: -1)
        monkeypatch.setattr("ctypes.get_errno", lambda: 22)
    link = tmp_path / NAME
    link.symlink_to("nowhere")
    with open_folder(tmp_path) as folder:
        assert exists(folder, NAME)
        aside = rename_aside(folder, NAME)
        assert (tmp_path / aside).is_symlink()
        put_back(tmp_path, NAME)
    assert list(tmp_path.iterdir()) == [link]
