"""Products in the archive are complete and verified, or do not exist."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atdb_interface.checksum import CHUNK_BYTES
from atdb_interface.product_files import ProductChangedError
from atdb_interface.reason_codes import ReasonCode
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.copies import StoredCopy
from atdb_plugins.archive.errors import ArchiveError
from tests.file_records import records_of
from tests.plugins.archives import (
    NAME,
    LyingFileSystem,
    checksum,
    data,
    everything,
    folder_of,
    identity,
    size_of,
    store,
)


def forget(_: int) -> None:
    """Count nothing."""


def test_a_directory_comes_back_byte_for_byte(archive: Archive, source: Path) -> None:
    final = f"{folder_of(archive).path}/{NAME}"
    assert store(archive, source) == data(source)
    assert StoredCopy.look(archive.filesystem, final, NAME).read(forget) == records_of(source)
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    kept = {path.removeprefix(f"{final}/"): archive.filesystem.cat_file(path) for path in everything(archive)}
    assert kept == {p.relative_to(source).as_posix(): p.read_bytes() for p in source.rglob("*") if p.is_file()}


def test_a_file_comes_back_byte_for_byte(archive: Archive, tmp_path: Path) -> None:
    source = tmp_path / "ARTS190530001.fits"
    source.write_bytes(os.urandom(CHUNK_BYTES + 1))
    (record,) = store(archive, source)
    assert (record.path, record.size, record.sha256) == ("", CHUNK_BYTES + 1, checksum(source))
    assert everything(archive) == [f"{folder_of(archive).path}/{source.name}"]
    assert archive.filesystem.cat_file(everything(archive)[0]) == source.read_bytes()


def test_what_is_no_longer_what_was_validated_leaves_nothing_behind(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "table.dat").write_bytes(b"Main")
    with pytest.raises(ArchiveError, match="has changed since it was validated"):
        store(archive, source, expected=validated)
    assert everything(archive) == []


def test_a_source_that_is_gone_or_holds_a_link_is_not_stored(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        store(archive, source, expected=validated)
    with pytest.raises(FileNotFoundError):
        store(archive, source.with_name("gone.MS"), expected=validated)
    assert everything(archive) == []


@pytest.mark.parametrize("lies_on", ["w", "r"])
def test_an_archive_that_returns_other_bytes_never_gives_them_the_name(
    local: Archive, source: Path, monkeypatch: pytest.MonkeyPatch, lies_on: str
) -> None:
    monkeypatch.setattr(LyingFileSystem, "lies_on", lies_on)
    lying = Archive(LyingFileSystem(), local.root)
    with pytest.raises(ArchiveError, match="returned other bytes"):
        store(lying, source)
    assert everything(local) == []


def test_an_attempt_that_is_stopped_leaves_nothing_behind(archive: Archive, source: Path) -> None:
    size = sum(record.size for record in records_of(source))

    class Stopped(BaseException):
        pass

    for limit in (1, size - 20, size + 1, 2 * size - 1):
        done = 0

        def advance(n_bytes: int, limit: int = limit) -> None:
            nonlocal done
            done += n_bytes
            if done >= limit:
                raise Stopped

        with pytest.raises(Stopped):
            store(archive, source, advance=advance)
        assert everything(archive) == []
    store(archive, source, advance=lambda _: None)


def test_two_attempts_at_once_end_with_the_whole_product(local: Archive, source: Path) -> None:
    def attempt(_: int) -> bool:
        try:
            store(local, source)
        except (ArchiveError, OSError):
            return False
        return True

    for _ in range(10):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(attempt, range(3)))
        if Path(folder_of(local).path, NAME).exists():
            folder_of(local).verify(NAME, checksum(source))
        assert attempt(0)
        folder_of(local).verify(NAME, checksum(source))
        assert [path.name for path in Path(folder_of(local).path).iterdir()] == [NAME]
        shutil.rmtree(Path(folder_of(local).path, NAME))


def test_what_is_there_already_is_not_copied_again(local: Archive, source: Path) -> None:
    store(local, source)
    stored = Path(folder_of(local).path) / NAME / "table.dat"
    before = stored.stat()
    assert store(local, source) == data(source)
    assert (stored.stat().st_ino, stored.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_wrong_product_stays_until_the_right_one_is_whole(
    local: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Path(folder_of(local).path) / NAME
    wrong.mkdir(parents=True)
    (wrong / "table.dat").write_bytes(b"of another observation")
    (wrong / "more.dat").write_bytes(b"more")
    with pytest.raises(ArchiveError):
        store(local, source, expected="0" * 64)
    monkeypatch.setattr(LyingFileSystem, "lies_on", "w")
    with pytest.raises(ArchiveError):
        store(Archive(LyingFileSystem(), local.root), source)
    assert (wrong / "table.dat").read_bytes() == b"of another observation"
    store(local, source)
    assert records_of(wrong) == records_of(source)


def test_a_copy_that_is_there_does_not_hide_that_the_source_has_changed(archive: Archive, source: Path) -> None:
    validated, seen = checksum(source), identity(source)
    store(archive, source)
    (source / "table.dat").write_bytes(b"flag")  # as many bytes as before
    for identity_then in (None, seen, "0" * 64):
        with pytest.raises(ArchiveError, match="has changed since it was validated") as refusal:
            store(archive, source, expected=validated, size=size_of(source), identity=identity_then)
        assert refusal.value.code == ReasonCode.DATA_CHANGED
    folder_of(archive).verify(NAME, validated)  # the older copy stays until there is a newer one
    assert store(archive, source) == data(source)
    folder_of(archive).verify(NAME, checksum(source))


def test_a_source_that_was_touched_only_is_read_and_accepted(archive: Archive, source: Path) -> None:
    seen = identity(source)
    store(archive, source)
    read = 0

    def count(n_bytes: int) -> None:
        nonlocal read
        read += n_bytes

    once = sum(record.size for record in records_of(source))
    store(archive, source, identity=seen, advance=count)
    assert read == once  # of the archive
    os.utime(source / "table.dat", ns=(1, 1))
    read = 0
    store(archive, source, identity=seen, advance=count)
    assert read == 2 * once


def test_a_source_that_was_removed_before_does_not_matter_if_the_archive_has_it(
    archive: Archive, source: Path
) -> None:
    validated = checksum(source)
    records = store(archive, source)
    shutil.rmtree(source)
    assert store(archive, source, expected=validated) == records
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rott")
    with pytest.raises(FileNotFoundError):
        store(archive, source, expected=validated)


def test_a_rotten_copy_of_the_same_size_is_replaced(archive: Archive, source: Path) -> None:
    store(archive, source)
    archive.filesystem.pipe_file(f"{folder_of(archive).path}/{NAME}/table.dat", b"rott")
    store(archive, source, size=size_of(source), identity=identity(source))
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    assert len(everything(archive)) == len(records_of(source))


def test_a_replaced_copy_keeps_nothing_of_the_older_one(archive: Archive, source: Path) -> None:
    (source / "old.dat").write_bytes(b"old")
    store(archive, source)
    (source / "old.dat").rename(source / "new.dat")
    store(archive, source)
    folder_of(archive).verify(NAME, checksum(source), size=size_of(source))
    kept = {path.removeprefix(f"{folder_of(archive).path}/{NAME}/") for path in everything(archive)}
    assert kept == {record.path for record in records_of(source)}


def test_a_file_of_the_source_that_becomes_a_link_is_not_followed(archive: Archive, source: Path) -> None:
    validated, once = checksum(source), False

    def replace(_: int) -> None:
        nonlocal once
        if not once:
            once = True
            (source / "table.dat").unlink()
            (source / "table.dat").symlink_to("/etc/passwd")

    with pytest.raises(ProductChangedError):
        store(archive, source, expected=validated, advance=replace)
    assert once
    assert everything(archive) == []


def test_a_source_that_grows_by_a_file_while_it_is_copied_is_not_stored(archive: Archive, source: Path) -> None:
    validated = checksum(source)
    with pytest.raises(ArchiveError, match="has changed since it was validated"):
        store(archive, source, expected=validated, advance=lambda _: (source / "more.dat").touch())
    assert everything(archive) == []
