"""What attempts leave in the archive is found, used or deleted, and never mistaken for a product."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.partial_files import PartialFile, new_part, new_replaced
from atdb_plugins.archive.publication import publish
from tests.plugins.archives import NAME, checksum, everything, folder_of, leave_part, store


def test_what_a_dead_attempt_left_does_not_matter_and_is_deleted(local: Archive, source: Path) -> None:
    part = leave_part(local, source)
    (part / "of another attempt").write_bytes(b"x")
    assert [left.path for left in folder_of(local).partial_files()] == [str(part)]
    store(local, source)
    assert [path.name for path in Path(folder_of(local).path).iterdir()] == [NAME]
    folder_of(local).verify(NAME, checksum(source))


def test_of_a_publication_and_a_deletion_of_one_part_only_one_happens(local: Archive, source: Path) -> None:
    folder = folder_of(local).path
    part = leave_part(local, source)

    def publish_now() -> None:
        publish(local.filesystem, str(part), f"{folder}/{NAME}", local.root, new_replaced(folder, NAME))

    class SlowlyDeletingFileSystem(LocalFileSystem):
        def rm(self, path: str, *arguments: Any, **options: Any) -> None:
            (next(Path(path).rglob("table.dat"))).unlink()  # half of it is lost
            with pytest.raises(FileNotFoundError):
                publish_now()
            super().rm(path, *arguments, **options)

    PartialFile(SlowlyDeletingFileSystem(), str(part)).delete()
    assert everything(local) == []
    part = leave_part(local, source)
    publish_now()
    PartialFile(local.filesystem, str(part)).delete()
    folder_of(local).verify(NAME, checksum(source))


def test_leftovers_in_a_folder_are_found_and_deleted(archive: Archive, source: Path) -> None:
    store(archive, source)
    file = f"{folder_of(archive).path}/.other.fits.0123456789ab.part"
    archive.filesystem.pipe_file(file, b"x")
    directory = f"{folder_of(archive).path}/.{NAME}.ba9876543210.part"
    archive.filesystem.makedirs(directory)
    archive.filesystem.pipe_file(f"{directory}/table.dat", b"x")
    leftovers = folder_of(archive).partial_files()
    assert sorted(leftover.path for leftover in leftovers) == [directory, file]
    for leftover in leftovers:
        leftover.delete()
    assert folder_of(archive).partial_files() == []
    with pytest.raises(ValueError, match="is no part"):
        PartialFile(archive.filesystem, f"{folder_of(archive).path}/{NAME}")
    folder_of(archive).verify(NAME, checksum(source))


@pytest.mark.parametrize("name", [f"{'x' * 252}.MS", f"{'é' * 126}.MS", f"{'x' * 226}.MS", f"{'x' * 227}.MS"])
def test_hidden_names_have_room_on_a_disk_and_belong_to_one_name(local: Archive, source: Path, name: str) -> None:
    for make in (new_part, new_replaced):
        hidden = make("/x", name).removeprefix("/x/")
        assert len(os.fsencode(hidden)) <= 255
        assert PartialFile(local.filesystem, f"/x/{hidden}").is_of(name)
        assert not PartialFile(local.filesystem, f"/x/{hidden}").is_of(f"{name[:-4]}y.MS")
    product = source.rename(source.with_name(name))
    store(local, product)
    folder_of(local).verify(name, checksum(product))


def test_a_replaced_copy_is_no_leftover_until_there_is_a_newer_one(local: Archive, source: Path) -> None:
    store(local, source)
    final = Path(folder_of(local).path, NAME)
    replaced = final.rename(new_replaced(folder_of(local).path, NAME))
    other = Path(new_replaced(folder_of(local).path, "other.MS"))
    shutil.copytree(source, other)
    assert folder_of(local).partial_files() == []
    shutil.copytree(source, final)
    assert [left.path for left in folder_of(local).partial_files()] == [str(replaced)]
    store(local, source)
    assert {path.name for path in final.parent.iterdir()} == {NAME, other.name}


@pytest.mark.parametrize("ending", ["part", "replaced"])
def test_a_complete_copy_that_a_killed_attempt_has_left_is_used(
    archive: Archive, source: Path, ending: str
) -> None:
    validated = checksum(source)
    store(archive, source)
    folder = folder_of(archive)
    left = f"{folder.path}/.{NAME}.0123456789ab.{ending}"
    publish(archive.filesystem, f"{folder.path}/{NAME}", left, archive.root, new_replaced(folder.path, "x"))
    shutil.rmtree(source)
    assert store(archive, source, expected=validated)
    folder.verify(NAME, validated)
    assert folder.partial_files() == []
