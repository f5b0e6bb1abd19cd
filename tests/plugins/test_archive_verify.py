"""A copy in the archive counts only if its kind, its size and its files are those of the product."""

from pathlib import Path

import pytest

from atdb_interface.checksum import directory_checksum, product_checksum
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import ArchiveError
from tests.file_records import records_of
from tests.plugins.archives import NAME, checksum, data, everything, folder_of, put, size_of, store


def test_what_was_stored_and_later_changes_is_found_out(archive: Archive, source: Path) -> None:
    store(archive, source)
    expected = checksum(source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rotten")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, expected)
    archive.filesystem.rm(f"{folder_of(archive).path}/{NAME}", recursive=True)
    with pytest.raises(ArchiveError, match="is not in the archive"):
        folder_of(archive).verify(NAME, expected)


def test_the_size_of_a_copy_is_that_of_its_files(archive: Archive, source: Path) -> None:
    assert folder_of(archive).size(NAME) is None
    store(archive, source)
    assert folder_of(archive).size(NAME) == size_of(source)
    assert folder_of(archive).size(NAME, expected=5) == size_of(source)
    of_all_files = sum(record.size for record in records_of(source))
    assert folder_of(archive).size(NAME, expected=of_all_files) == of_all_files > size_of(source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/x.fits", b"four")
    assert folder_of(archive).size("x.fits") == 4


def listing_of(source: Path) -> bytes:
    """Return the text whose SHA-256 is the checksum of a directory."""
    return "".join(f"{record.sha256}  ./{record.path}\n" for record in data(source)).encode()


def test_a_file_with_the_listing_of_a_directory_is_no_copy_of_it(archive: Archive, source: Path) -> None:
    folder = folder_of(archive)
    put(archive, f"{folder.path}/{NAME}", listing_of(source))
    with pytest.raises(ArchiveError, match="a file instead of a directory") as refusal:
        folder.verify(NAME, checksum(source))
    assert refusal.value.code == ReasonCode.ARCHIVE_COPY_WRONG
    assert folder.size(NAME) is None
    assert store(archive, source) == data(source)
    folder.verify(NAME, checksum(source), size=size_of(source))


def test_a_directory_is_no_copy_of_a_file(archive: Archive, tmp_path: Path) -> None:
    source = tmp_path / "a.fits"
    source.write_bytes(b"data")
    folder = folder_of(archive)
    put(archive, f"{folder.path}/a.fits/data", b"data")
    with pytest.raises(ArchiveError, match="a directory instead of a file"):
        folder.verify("a.fits", directory_checksum([("data", checksum(source))]))
    assert folder.size("a.fits") is None
    store(archive, source)
    folder.verify("a.fits", checksum(source), size=4)
    assert everything(archive) == [f"{folder.path}/a.fits"]


def test_an_empty_directory_is_no_copy_of_anything(local: Archive, source: Path) -> None:
    folder = folder_of(local)
    (Path(folder.path) / NAME / "SPECTRAL_WINDOW").mkdir(parents=True)
    with pytest.raises(ArchiveError, match="is an empty directory in the archive"):
        folder.verify(NAME, directory_checksum([]), size=0)
    assert folder.size(NAME) is None
    (Path(folder.path) / NAME / "table.dat").touch()
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder.verify(NAME, product_checksum(records_of(Path(folder.path) / NAME)), size=0)
    assert store(local, source) == data(source)


def test_a_copy_of_another_size_is_wrong_before_it_is_read(archive: Archive, source: Path) -> None:
    store(archive, source)
    read = 0

    def count(n_bytes: int) -> None:
        nonlocal read
        read += n_bytes

    with pytest.raises(ArchiveError, match=f"it has {size_of(source)} bytes instead of 7"):
        folder_of(archive).verify(NAME, checksum(source), count, size=7)
    assert read == 0
    folder_of(archive).verify(NAME, checksum(source), count, size=size_of(source))
    assert read == sum(record.size for record in records_of(source))


@pytest.mark.parametrize("place", ["", "table.dat", "SPECTRAL_WINDOW"])
def test_a_link_in_the_archive_is_no_copy(local: Archive, source: Path, place: str) -> None:
    store(local, source)
    copy = Path(folder_of(local).path) / NAME
    linked = copy / place
    linked.rename(linked.with_name("elsewhere") if place else Path(local.root) / "elsewhere")
    linked.symlink_to(source / place)
    with pytest.raises(ArchiveError, match="a link instead of"):
        folder_of(local).verify(NAME, checksum(source))


def test_a_file_more_or_less_in_the_archive_is_found(archive: Archive, source: Path) -> None:
    store(archive, source)
    copy = f"{folder_of(archive).path}/{NAME}"
    archive.filesystem.pipe_file(f"{copy}/more.dat", b"")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    archive.filesystem.rm_file(f"{copy}/more.dat")
    folder_of(archive).verify(NAME, checksum(source))
    archive.filesystem.rm_file(f"{copy}/SPECTRAL_WINDOW/empty")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, checksum(source), size=size_of(source))


def test_files_that_are_not_data_are_copied_and_not_compared(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "SPECTRAL_WINDOW" / "table.lock").write_bytes(b"opened by another program since")
    store(archive, source, expected=validated)
    lock = f"{folder_of(archive).path}/{NAME}/SPECTRAL_WINDOW/table.lock"
    assert archive.filesystem.cat_file(lock) == b"opened by another program since"
    archive.filesystem.pipe_file(lock, b"rotten")
    folder_of(archive).verify(NAME, validated, size=size_of(source))
    assert {record.path for record in store(archive, source)} == {record.path for record in data(source)}


def test_a_checksum_of_an_earlier_version_counts_all_files(archive: Archive, source: Path) -> None:
    former, size = product_checksum(records_of(source)), sum(record.size for record in records_of(source))
    for _ in range(2):
        assert store(archive, source, expected=former, size=size) == records_of(source)
        folder_of(archive).verify(NAME, former, size=size)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/SPECTRAL_WINDOW/table.lock", b"rotten")
    with pytest.raises(ArchiveError, match="is not what was observed"):
        folder_of(archive).verify(NAME, former)
