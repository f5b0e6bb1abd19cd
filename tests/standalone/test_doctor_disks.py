"""The results of `atdb doctor` in the archive and on the data disks."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from atdb_plugins.archive.archive import Archive
from standalone.credentials import Credentials
from standalone.doctor import archive, data, space
from standalone.doctor.location import Location
from standalone.doctor.results import CheckResult, CheckState
from standalone.settings import Settings


@pytest.fixture
def place(settings: Settings, credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> Location:
    settings.archive.mkdir()
    settings.data.mkdir()
    connection = {"conn_type": "generic", "extra": {"url": settings.archive.as_uri()}}
    monkeypatch.setenv("AIRFLOW_CONN_ARCHIVE_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("ATDB_DATA_ROOT", str(settings.data))
    return Location(settings, credentials)


@pytest.fixture
def any_free_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept the disk of this machine, even if it is full."""
    monkeypatch.setattr(space, "_SCARCE", 0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB, which can be filled and mounted read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with suppress(OSError):
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "atdb", folder], check=False)
        if made.returncode == 0:
            yield folder
            subprocess.run(["umount", folder], check=True)
            return
    pytest.skip("no file system can be mounted here")


def only(results: Iterator[CheckResult], state: CheckState) -> CheckResult:
    matching = [result for result in results if result.state is state]
    assert len(matching) == 1, matching
    return matching[0]


def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "generic", "extra": {"url": folder.as_uri()}}
    monkeypatch.setenv("AIRFLOW_CONN_ARCHIVE_DEFAULT", json.dumps(connection))


def test_an_archive_takes_a_file_and_keeps_nothing_of_it(place: Location) -> None:
    results = list(archive.check(place))
    assert results[0].state is CheckState.WELL
    assert "read back, compared and deleted" in results[0].seen
    assert "free of" in results[1].seen
    assert list(place.settings.archive.iterdir()) == []


def test_an_archive_in_memory_is_checked_too(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_ARCHIVE_DEFAULT", json.dumps({"conn_type": "generic", "extra": {"url": "memory://alta"}})
    )
    (result,) = archive.check(place)
    assert result.state is CheckState.WELL, result


def test_an_archive_that_is_not_mounted_is_a_failure(place: Location) -> None:
    place.settings.archive.rmdir()
    (result,) = archive.check(place)
    assert result.state is CheckState.FAILED
    assert result.seen.endswith(" does not exist")  # its advice is in the line below, once
    assert f"on ATDB's page Services ({place.settings.atdb_url}/services/)" in result.advice


def test_a_full_archive_is_a_failure_and_nothing_is_left(
    place: Location, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(small_disk, monkeypatch)
    assert next(archive.check(place)).state is CheckState.WELL
    (small_disk / "filling").write_bytes(bytes(3_900_000))
    results = list(archive.check(place))
    assert results[0].state is CheckState.FAILED
    assert "written to" in results[0].seen
    assert "No space left on device" in results[0].seen
    assert results[1].state is CheckState.FAILED  # the free space itself
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_less_than_a_tenth_is_a_warning_and_less_than_a_gibibyte_of_that_a_failure() -> None:
    tera = 10**12
    for total, free, state in (
        (100 * tera, 11 * tera, CheckState.WELL),
        (100 * tera, 9 * tera, CheckState.WARNING),
        (100 * tera, 10**9, CheckState.FAILED),
        (5 * 10**9, 10**9, CheckState.WELL),
    ):
        assert space.judge("archive", "", "", total, free).state is state


def test_a_read_only_archive_is_a_failure(
    place: Location, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(small_disk, monkeypatch)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    result = only(archive.check(place), CheckState.FAILED)
    assert "Read-only file system" in result.seen
    assert str(os.getuid()) in result.advice


def test_an_archive_that_returns_other_bytes_is_a_failure(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Archive.open(place.settings.archive.as_uri())
    read = opened.filesystem.cat_file
    monkeypatch.setattr(type(opened.filesystem), "cat_file", lambda _, path: read(path)[:-1] + b"?")
    result = next(archive.check(place))
    assert result.state is CheckState.FAILED
    assert "returned other bytes" in result.seen
    assert list(place.settings.archive.iterdir()) == []


@pytest.mark.usefixtures("any_free_space")
def test_a_data_root_without_data_hosts_is_a_warning_and_a_missing_one_a_failure(place: Location) -> None:
    result = only(data.check(place), CheckState.WARNING)
    assert "no folder of a data host" in result.seen
    place.settings.data.rmdir()
    result = only(data.check(place), CheckState.FAILED)
    assert "does not exist" in result.seen


@pytest.mark.usefixtures("any_free_space")
def test_each_data_host_is_checked(place: Location) -> None:
    for host in ("wcudata1", "arts001", "arts002"):
        (place.settings.data / host / "data").mkdir(parents=True)
    (place.settings.data / "arts002" / "data").rmdir()
    (place.settings.data / "arts003").symlink_to(place.settings.state)
    (place.settings.data / ".hidden").mkdir()
    results = list(data.check(place))
    assert {result.subject for result in results} == {
        f"data {n}" for n in ("wcudata1", "arts001", "arts002", "arts003")
    }
    by_state = {result.subject: result.state for result in results if result.state is not CheckState.WELL}
    assert by_state == {"data arts002": CheckState.WARNING, "data arts003": CheckState.FAILED}
    assert "empty and no disk is mounted there" in next(f.seen for f in results if f.state is CheckState.WARNING)
    assert list((place.settings.data / "wcudata1").iterdir()) == [place.settings.data / "wcudata1" / "data"]


def test_a_read_only_data_disk_is_a_failure_and_an_empty_mounted_one_is_not(
    place: Location, small_disk: Path
) -> None:
    host = place.settings.data / "wcudata1"
    host.mkdir()
    subprocess.run(["mount", "--bind", small_disk, host], check=True)
    try:
        assert [result.state for result in data.check(place)] == [CheckState.WELL]
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", host], check=True)
        result = only(data.check(place), CheckState.FAILED)
        assert "cannot be written: Read-only file system" in result.seen
        assert "remove cannot delete data" in result.advice
    finally:
        subprocess.run(["umount", host], check=True)
