"""A product is deleted through directory descriptors: nothing outside it, and nothing that was not compared."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

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


def test_all_that_was_compared_is_deleted_and_the_folder_stays(product: Path) -> None:
    delete(product, tombstone_of(product))
    assert list(product.parent.iterdir()) == []


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


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"taskID": "190405034"}', '{"files": {"a": 1}}'])
def test_a_file_that_is_no_tombstone_does_not_count(product: Path, content: str) -> None:
    product.with_name(f".{NAME}.atdb-removed").write_text(content)
    with open_folder(product.parent) as folder:
        assert read_tombstone(folder, NAME) is None


@pytest.mark.parametrize("name", [".atdb-removed", "a.atdb-removed", ".a.atdb-remove", NAME])
def test_the_names_of_other_files_are_not_those_of_tombstones(name: str) -> None:
    assert product_of_tombstone(name) is None


CHANGES: dict[str, Callable[[Path], object]] = {
    "another size": lambda path: (path / "sub" / "b").write_bytes(b"longer than before"),
    "another file": lambda path: (path / "sub" / "c").write_bytes(b"new"),
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
