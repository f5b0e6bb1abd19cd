"""A copy gets its name durably, and whenever a process is killed, a complete copy has a known name."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.checksum import FileRecord, product_checksum
from atdb_interface.renames import exchange
from atdb_plugins.archive import publication
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.folder import ArchiveFolder
from tests.file_records import records_of

NAME = "WSRTA190405034_B000.MS"
#: What changes names on a disk, as Python's audit hooks call it.
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
OLD, NEW = b"old bytes", b"new bytes"


@pytest.fixture
def folder(tmp_path: Path) -> ArchiveFolder:
    (tmp_path / "alta").mkdir()
    archive = Archive.open((tmp_path / "alta").as_uri())
    return ArchiveFolder(archive.filesystem, archive.root, f"{archive.root}/main/190405034")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    product = tmp_path / "data" / NAME
    write(product, NEW)
    return product


def write(product: Path, content: bytes) -> None:
    shutil.rmtree(product, ignore_errors=True)
    for name in ("table.dat", "SPECTRAL_WINDOW/table.f0"):
        (product / name).parent.mkdir(parents=True, exist_ok=True)
        (product / name).write_bytes(content)


def checksum(product: Path) -> str:
    return product_checksum(records_of(product))


def store(folder: ArchiveFolder, source: Path) -> list[FileRecord]:
    return folder.store(source, NAME, checksum=checksum(source))


def store_old(folder: ArchiveFolder, tmp_path: Path) -> Path:
    older = tmp_path / "older" / NAME
    write(older, OLD)
    store(folder, older)
    return older


def no_exchange(one: str, other: str) -> None:
    """Fail as on a file system that cannot exchange two names, such as NFS."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), one, None, other)


class Recorded:
    """The calls that write to the disk or change names, in their order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str]] = []
        fsync, rename, rm = os.fsync, Path.rename, publication.delete
        exchange_names = vars(publication)["exchange"]  # which a test may have replaced

        def record_fsync(handle: int) -> None:
            fsync(handle)
            self.calls.append(("fsync", str(Path(f"/proc/self/fd/{handle}").readlink())))

        def record_rename(path: Path, target: Any) -> Path:
            renamed = rename(path, target)
            self.calls.append(("name", str(target)))
            return renamed

        def record_exchange(one: str, other: str) -> None:
            exchange_names(one, other)
            self.calls.append(("name", other))

        def record_delete(filesystem: Any, path: str) -> None:
            self.calls.append(("delete", path))
            rm(filesystem, path)

        monkeypatch.setattr(os, "fsync", record_fsync)
        monkeypatch.setattr(Path, "rename", record_rename)
        monkeypatch.setattr(publication, "exchange", record_exchange)
        monkeypatch.setattr(publication, "delete", record_delete)

    def before(self, kind: str, path: str) -> list[tuple[str, str]]:
        return self.calls[: self.calls.index((kind, path))]

    def after(self, kind: str, path: str) -> list[tuple[str, str]]:
        return self.calls[self.calls.index((kind, path)) + 1 :]


def parts_of(calls: list[tuple[str, str]], kind: str) -> set[str]:
    """Return what was called of a part, as paths in it."""
    parts = [path.partition(".part")[2].strip("/") for each, path in calls if each == kind and ".part" in path]
    return set(parts)


@pytest.mark.parametrize("is_replaced", [False, True])
@pytest.mark.parametrize("exchanges", [True, False])
def test_a_copy_is_on_the_disk_before_it_gets_its_name_and_the_name_before_the_older_copy_is_deleted(
    folder: ArchiveFolder,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_replaced: bool,
    exchanges: bool,
) -> None:
    if is_replaced:
        store_old(folder, tmp_path)
    if not exchanges:
        monkeypatch.setattr(publication, "exchange", no_exchange)
    recorded = Recorded(monkeypatch)
    store(folder, source)
    final = f"{folder.path}/{NAME}"
    everything = {"", "SPECTRAL_WINDOW", "table.dat", "SPECTRAL_WINDOW/table.f0"}
    assert parts_of(recorded.before("name", final), "fsync") == everything
    of_parents = [path for kind, path in recorded.after("name", final) if kind == "fsync"]
    assert of_parents == [folder.path, str(Path(folder.path).parent), folder.root]
    deleted = [path for kind, path in recorded.calls if kind == "delete"]
    assert len(deleted) == is_replaced
    for path in deleted:
        assert [each for each in recorded.before("delete", path) if each[0] == "fsync"][-1] == (
            "fsync",
            folder.root,
        )


def test_the_manifest_is_on_the_disk_before_it_replaces_the_older_one(
    folder: ArchiveFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(folder.path).mkdir(parents=True)
    for content in (OLD, NEW):
        recorded = Recorded(monkeypatch)
        folder._write_manifest(content, lambda: None)
        final = f"{folder.path}/manifest.json"
        assert parts_of(recorded.before("name", final), "fsync") == {""}
        assert recorded.after("name", final)[0] == ("fsync", folder.path)
        assert Path(final).read_bytes() == content
        assert [path.name for path in Path(folder.path).iterdir()] == ["manifest.json"]
        monkeypatch.undo()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("exchanges", [True, False])
def test_a_rename_that_fails_leaves_the_older_copy(
    folder: ArchiveFolder,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exchanges: bool,
    number: int,
) -> None:
    older = store_old(folder, tmp_path)
    if not exchanges:
        monkeypatch.setattr(publication, "exchange", no_exchange)
    final, rename = Path(folder.path, NAME), Path.rename
    attempts = 0

    def fail(path: Path, target: Any) -> Path:
        nonlocal attempts
        if Path(target) == final and path.name.endswith(".part"):
            attempts += 1
            raise OSError(number if attempts > 1 or exchanges else errno.ENOTEMPTY, "the disk has failed")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="the disk has failed"):
        store(folder, source)
    assert attempts == (1 if exchanges else 2)
    assert records_of(final) == records_of(older)
    monkeypatch.setattr(Path, "rename", rename)
    store(folder, source)
    folder.verify(NAME, checksum(source))
    assert [path.name for path in Path(folder.path).iterdir()] == [NAME]


def test_an_exchange_that_fails_leaves_the_older_copy(
    folder: ArchiveFolder, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = store_old(folder, tmp_path)

    def fail(one: str, other: str) -> None:
        raise OSError(errno.EIO, "the disk has failed")

    with monkeypatch.context() as patched:
        patched.setattr(publication, "exchange", fail)
        with pytest.raises(OSError, match="the disk has failed"):
            store(folder, source)
    assert records_of(Path(folder.path, NAME)) == records_of(older)
    store(folder, source)
    folder.verify(NAME, checksum(source))


def test_an_older_copy_stays_if_the_new_name_cannot_be_written_to_the_disk(
    folder: ArchiveFolder, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = store_old(folder, tmp_path)
    fsync = os.fsync

    def fail(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink() == Path(folder.path):
            raise OSError(errno.EIO, "the disk has failed")
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="the disk has failed"):
            store(folder, source)
    (replaced,) = Path(folder.path).glob("*.replaced")
    assert records_of(replaced) == records_of(older)
    folder.verify(NAME, checksum(source))
    store(folder, source)
    assert [path.name for path in Path(folder.path).iterdir()] == [NAME]


def test_two_names_are_exchanged_in_one_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"file")
    other.mkdir()
    exchange(str(one), str(other))
    assert one.is_dir()
    assert other.read_bytes() == b"file"
    with pytest.raises(FileNotFoundError) as missing:
        exchange(str(one), str(tmp_path / "missing"))
    assert missing.value.errno == errno.ENOENT
    assert one.is_dir()


def is_killed_at(number: int, root: str, work: Callable[[], object]) -> bool:
    """Do some work in a child process that is killed directly before its change of this number on the disk."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        return os.WIFSIGNALED(status)
    changes = 0

    def count() -> None:
        nonlocal changes
        changes += 1
        if changes == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and "w" in str(arguments[1]) and str(arguments[0]).startswith(root)
        if is_write or event in _CHANGES:
            count()

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def count_and_change(*arguments: Any) -> Any:
            count()
            return change(*arguments)

        return count_and_change

    for module, name in ((os, "fsync"), (publication, "exchange")):
        setattr(module, name, counted(getattr(module, name)))
    sys.addaudithook(audit)
    try:
        work()
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def contents_in(folder: ArchiveFolder) -> list[list[FileRecord]]:
    """Return the content of each copy under its own name, or under the hidden name of a replaced copy."""
    places = [Path(folder.path, NAME), *Path(folder.path).glob("*.part"), *Path(folder.path).glob("*.replaced")]
    return [records_of(place) for place in places if place.is_dir()]


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_kill_at_any_moment_leaves_a_complete_copy_that_the_next_attempt_finds(
    folder: ArchiveFolder, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr(publication, "exchange", no_exchange)
    older = store_old(folder, tmp_path)
    old, new = records_of(older), records_of(source)
    number, moments_without_final = 1, 0
    while is_killed_at(number, folder.root, lambda: store(folder, source)):
        contents = contents_in(folder)
        assert old in contents or new in contents
        final = Path(folder.path, NAME)
        if final.exists():
            assert records_of(final) in (old, new)
        else:
            moments_without_final += 1
            assert old in contents
            assert new in contents
            # If the source is lost now as well, its copy is found.
            shutil.rmtree(source)
            store_lost = folder.store(source, NAME, checksum=product_checksum(new))
            assert store_lost == new
            write(source, NEW)
        store(folder, source)
        folder.verify(NAME, product_checksum(new))
        assert [path.name for path in Path(folder.path).iterdir()] == [NAME]
        write(older, OLD)
        store(folder, older)
        number += 1
    assert number > 15
    assert moments_without_final == (0 if exchanges else 1)
    folder.verify(NAME, product_checksum(new))


def test_a_kill_at_any_moment_leaves_a_whole_manifest(folder: ArchiveFolder) -> None:
    Path(folder.path).mkdir(parents=True)
    folder._write_manifest(OLD, lambda: None)
    number = 1
    while is_killed_at(number, folder.root, lambda: folder._write_manifest(NEW, lambda: None)):
        assert Path(folder.path, "manifest.json").read_bytes() in (OLD, NEW)
        number += 1
    assert number > 4
    assert Path(folder.path, "manifest.json").read_bytes() == NEW
