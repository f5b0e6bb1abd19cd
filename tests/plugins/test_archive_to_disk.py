"""What is written to a local archive is on the disk before its source can be deleted, and no file stays open."""

import os
from pathlib import Path

import pytest

from atdb_plugins.archive import publication
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from atdb_plugins.archive.partial_files import PartialFile, new_part, new_replaced
from atdb_plugins.archive.publication import publish, to_disk
from tests.plugins.archives import NAME, checksum, folder_of, leave_part, store


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The name and size of all that was written to the disk, in this order."""
    fsync = os.fsync
    calls: list[tuple[str, int]] = []

    def record(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        calls.append((path.name, path.stat().st_size if path.is_file() else 0))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    return calls


def open_files() -> list[str]:
    return sorted(str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())


def test_all_that_was_written_to_a_file_is_on_the_disk(tmp_path: Path, synced: list[tuple[str, int]]) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.write(b"bytes")
        to_disk(file)
        assert synced == [("file", 5)]


def test_a_product_that_is_one_file_is_on_the_disk_before_it_gets_its_name(
    local: Archive, tmp_path: Path, synced: list[tuple[str, int]]
) -> None:
    folder = Path(folder_of(local).path)
    folder.mkdir(parents=True)
    part = Path(new_part(str(folder), "a.fits"))
    part.write_bytes(b"bytes")
    before = open_files()
    publish(local.filesystem, str(part), f"{folder}/a.fits", local.root, new_replaced(str(folder), "a.fits"))
    assert synced == [(part.name, 5), (folder.name, 0), (folder.parent.name, 0), (Path(local.root).name, 0)]
    assert (folder / "a.fits").read_bytes() == b"bytes"
    assert open_files() == before


def test_a_part_whose_deletion_fails_is_found_again(
    local: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = leave_part(local, source)

    def fail(*_: object) -> None:
        raise OSError("an error of the disk")

    with monkeypatch.context() as broken:
        broken.setattr(publication, "delete", fail)
        with pytest.raises(OSError, match="an error of the disk"):
            PartialFile(local.filesystem, str(part)).delete()
    (left,) = folder_of(local).partial_files()
    assert left.is_of(NAME)
    assert Path(left.path).parent == part.parent
    store(local, source)
    assert [path.name for path in part.parent.iterdir()] == [NAME]


def test_the_archive_can_be_behind_a_symbolic_link(
    tmp_path: Path, source: Path, synced: list[tuple[str, int]]
) -> None:
    (tmp_path / "a disk").mkdir()
    (tmp_path / "alta").symlink_to(tmp_path / "a disk")
    archive = Archive.open((tmp_path / "alta").as_uri())
    store(archive, source)
    folder_of(archive).verify(NAME, checksum(source))
    assert [name for name, _ in synced][-3:] == ["190405034", "apertif_main", "a disk"]


@pytest.mark.parametrize("linked", ["apertif_main", "apertif_main/190405034"])
def test_nothing_is_copied_into_a_folder_that_is_a_symbolic_link(
    tmp_path: Path, local: Archive, source: Path, linked: str
) -> None:
    (tmp_path / "a disk").mkdir()
    link = Path(local.root) / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "a disk")
    with pytest.raises(ArchiveError, match=f"{linked} of the archive is a symbolic link"):
        store(local, source)
    assert not any((tmp_path / "a disk").iterdir())


def test_the_name_of_a_copy_that_a_killed_attempt_has_left_is_on_the_disk(
    local: Archive, source: Path, synced: list[tuple[str, int]]
) -> None:
    store(local, source)
    synced.clear()  # as if the attempt had been killed directly after the rename
    store(local, source)
    assert synced == [("190405034", 0), ("apertif_main", 0), ("alta", 0)]
