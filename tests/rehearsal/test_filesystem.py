"""The archive has the faults of its plan, accessed through fsspec, as by Airflow's workers."""

import time
from pathlib import Path
from typing import Any

import fsspec
import pytest

from standalone.rehearsal.archive_plan import GROWTH, ArchiveFault, ArchiveFaults, ArchiveRule


@pytest.fixture
def faults(tmp_path: Path) -> ArchiveFaults:
    return ArchiveFaults(tmp_path / "plan.json")


@pytest.fixture
def archive(tmp_path: Path) -> Any:
    (tmp_path / "archive").mkdir()
    filesystem, _ = fsspec.url_to_fs(f"faulty://{tmp_path}/archive", plan=str(tmp_path / "plan.json"))
    return filesystem


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "archive" / "a.fits"


def begin(faults: ArchiveFaults, fault: ArchiveFault, *, seconds: float = 0) -> None:
    faults.add(ArchiveRule(id="1", fault=fault, until=time.time() + 60, seconds=seconds))


def write(archive: Any, copy: Path, content: bytes = b"noise") -> None:
    with archive.open(str(copy), "wb") as file:
        file.write(content)


def read(archive: Any, copy: Path) -> bytes:
    with archive.open(str(copy), "rb") as file:
        return bytes(file.read())


def test_without_a_plan_it_is_a_local_folder(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    write(archive, copy)
    assert copy.read_bytes() == read(archive, copy) == b"noise"
    assert not faults.active()
    assert archive.unstrip_protocol(str(copy)) == f"faulty://{copy}"


def test_it_refuses(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    write(archive, copy)
    begin(faults, ArchiveFault.REFUSE)
    for access in (read, write):
        with pytest.raises(ConnectionRefusedError):
            access(archive, copy)
    with pytest.raises(ConnectionRefusedError):
        archive.exists(str(copy))
    assert [event["path"] for event in faults.events()] == [str(copy)]


def test_it_is_full(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    begin(faults, ArchiveFault.FULL)
    with pytest.raises(OSError, match="No space left on device"):
        write(archive, copy)
    assert not copy.exists()


def test_it_is_slow(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    begin(faults, ArchiveFault.SLOW, seconds=0.2)
    began = time.monotonic()
    write(archive, copy)
    assert time.monotonic() - began >= 0.4


def test_it_gives_other_bytes(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    write(archive, copy)
    begin(faults, ArchiveFault.READ_OTHER)
    assert read(archive, copy) != b"noise" == copy.read_bytes()
    assert len(read(archive, copy)) == 5


def test_it_keeps_other_bytes(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    begin(faults, ArchiveFault.WRITE_OTHER)
    write(archive, copy)
    assert read(archive, copy) == copy.read_bytes() != b"noise"


def test_a_copy_rots_once_it_has_its_name(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    begin(faults, ArchiveFault.ROT)
    part = copy.with_name(".a.fits.part")
    write(archive, part)
    assert read(archive, part) == b"noise"
    part.rename(copy)
    rotten = read(archive, copy)
    assert rotten == copy.read_bytes() != b"noise"
    assert read(archive, copy) == rotten


def test_a_rule_ends_at_its_moment(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    faults.add(ArchiveRule(id="1", fault=ArchiveFault.REFUSE, until=time.time() - 1))
    write(archive, copy)
    assert read(archive, copy) == b"noise"


def test_a_rule_is_limited_to_a_path(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    other = copy.with_name("a.fits.2")
    rule = ArchiveRule(id="1", fault=ArchiveFault.REFUSE, until=time.time() + 60, path=str(copy))
    faults.add(rule)
    assert not faults.active()
    write(archive, other)
    with pytest.raises(ConnectionRefusedError):
        write(archive, copy)
    assert faults.has_used("1")
    faults.end("1")
    write(archive, copy)


def test_data_grow_once_while_their_copy_is_read(archive: Any, copy: Path, faults: ArchiveFaults) -> None:
    data = copy.parent.parent / "data.fits"
    data.write_bytes(b"noise")
    write(archive, copy)
    write(archive, copy.with_name("b.fits"))
    until = time.time() + 60
    faults.add(ArchiveRule(id="1", fault=ArchiveFault.GROW, until=until, path=str(copy), grows=str(data)))
    read(archive, copy.with_name("b.fits"))
    assert data.read_bytes() == b"noise"
    assert read(archive, copy) == read(archive, copy) == b"noise"
    assert data.read_bytes() == b"noise" + GROWTH
