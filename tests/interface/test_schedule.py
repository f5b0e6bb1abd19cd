"""A schedule is read as the shell would run it, without losing anything."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from atdb_interface.cli.schedule import read_schedule
from atdb_interface.errors import BadRequest
from atdb_interface.observations import NewObservation

LINE = (
    "atdb_service --field_name=3C48 --starttime='2019-04-08 14:45:00' --duration=60 --observing_mode=imaging "
    "--operation=specification --atdb_host=prod"
)
OTHER_NAMES = {"pattern": "beamPattern", "irods_coll": "irods_collection"}


def as_the_shell_reads(line: str) -> dict[str, str | bool]:
    """Read a command's options independently of the code under test."""
    command, *words = shlex.split(line, comments=True)
    assert command == "atdb_service"
    pairs = [word.removeprefix("--").split("=", 1) for word in words]
    return {name: value[0] if value else True for name, *value in pairs}


def says_the_same(written: str | bool, read: Any) -> bool:
    if isinstance(written, bool) or isinstance(read, bool):
        return read is written
    if isinstance(read, datetime):
        return read == datetime.fromisoformat(written).replace(tzinfo=UTC)
    return read is not None and bool(type(read)(written) == read)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("test_20190408_v2_imaging_reference.sh", 4),
        ("ARTS_SC1_20190530_SC1.sh", 14),
        ("ARTS_SC4_20190528_SC4.sh", 16),
        ("imaging_sched_longcal_ppmod30_04-08_21h_EAKA_imaging.sh", 289),
    ],
)
def test_every_option_of_a_real_schedule_is_kept(real_schedules: Path, name: str, count: int) -> None:
    path = real_schedules / name
    lines = [line for line in path.read_text().splitlines() if line.startswith("atdb_service")]
    observations = read_schedule(path)
    assert len(lines) == len(observations) == count
    for line, new in zip(lines, observations, strict=True):
        options = as_the_shell_reads(line)
        assert options.pop("operation") == "specification"
        assert options.pop("atdb_host") == "prod"
        host, _, directory = str(new.data_location).partition(":")
        assert directory == options.pop("data_dir")
        assert host == ("wcudata1" if new.observing_mode == "imaging" else "arts001")
        for option, written in options.items():
            field = OTHER_NAMES.get(option, option)
            read = getattr(new, field) if field in NewObservation.model_fields else new.options[option]
            assert says_the_same(written, read), f"{option}: {written!r} became {read!r}"
        assert new.options.keys() <= options.keys()


@pytest.mark.parametrize(
    "bad",
    [
        "print('hello')",
        "atdb_servant --operation=specification",
        "atdb_service",
        "atdb_service --operation=delete_taskid --taskid=190405034",
        LINE.replace("imaging", "imagin"),
        LINE.replace("--duration=60", ""),
        LINE.replace("2019-04-08", "yesterday"),
        LINE.replace("'", "", 1),
        LINE + " --duration=60",
        LINE + " rest",
        "\0\1\2",
    ],
)
def test_a_line_that_is_no_specification_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "schedule.sh"
    path.write_text(f"#!/bin/bash\n# a comment\n\n  {LINE}  \n{bad}\n{LINE}\n")
    with pytest.raises(BadRequest, match=r"schedule\.sh, line 5: "):
        read_schedule(path)


@pytest.mark.parametrize("content", [b"", b"#!/bin/bash\n\n# nothing tonight\n"], ids=["empty", "comments"])
def test_a_schedule_of_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "schedule.sh"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match="has no atdb_service command"):
        read_schedule(path)


def test_a_binary_file_a_directory_and_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "image.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path in (binary, tmp_path, tmp_path / "missing.sh"):
        with pytest.raises(BadRequest, match="cannot be read") as refusal:
            read_schedule(path)
        assert str(path) in refusal.value.detail


def test_nothing_in_a_schedule_is_run(tmp_path: Path) -> None:
    path = tmp_path / "schedule.sh"
    path.write_text(f"{LINE} --note=\"$(touch {tmp_path}/run)\" --other='`touch {tmp_path}/run`'\n")
    (new,) = read_schedule(path)
    assert new.options["note"] == f"$(touch {tmp_path}/run)"
    assert not (tmp_path / "run").exists()


def test_a_comment_behind_a_command_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "schedule.sh"
    path.write_text(f"{LINE} --process_triggers #R2\n")
    (new,) = read_schedule(path)
    assert new.options == {"process_triggers": True}
