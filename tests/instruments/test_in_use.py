"""The setting selects the instrument in use; an instrument that cannot be used is reported at the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atdb_interface.instruments import InstrumentError, instrument
from atdb_interface.instruments.apertif import APERTIF
from atdb_interface.instruments.in_use import DEFAULT, load
from standalone.stack import task_settings
from tests.instruments.installing import install
from tests.interface.conftest import BIN


def test_unless_another_is_named_it_is_apertif() -> None:
    assert instrument() is load(DEFAULT) is APERTIF


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_package:INSTRUMENT", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'"),
        ("broken_instrument:INSTRUMENT", "cannot be loaded: ZeroDivisionError"),
        ("broken_instrument_2:INSTRUMENT", "'broken' must name an Instrument, not broken_instrument_2:INSTRUMENT"),
        ("old_instrument:INSTRUMENT", "is made for version 0 of the interface, and this ATDB has version 1"),
    ],
)
def test_one_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, reason: str
) -> None:
    (tmp_path / "broken_instrument.py").write_text("INSTRUMENT = 1 / 0\n")
    (tmp_path / "broken_instrument_2.py").write_text("INSTRUMENT = 'a radio'\n")
    (tmp_path / "old_instrument.py").write_text(
        "from dataclasses import replace\n"
        "from atdb_interface.instruments.apertif import APERTIF\n"
        "INSTRUMENT = replace(APERTIF, api_version=0)\n"
    )
    monkeypatch.syspath_prepend(install(tmp_path, "broken", value))
    with pytest.raises(InstrumentError, match=reason) as refused:
        load("broken")
    assert str(refused.value).startswith("ATDB_INSTRUMENT")
    assert list(task_settings.wrong({"ATDB_INSTRUMENT": "broken"})) == [str(refused.value)]
    assert load(DEFAULT) is APERTIF  # a broken one affects only those who use it


@pytest.mark.parametrize(
    "command",
    [
        [BIN / "atdb", "list"],
        [BIN / "atdb_service", "--operation=delete_taskid", "--taskid=190405034"],
        [BIN / "flask", "--app", "atdb_api", "permissions"],
        [sys.executable, "-m", "standalone", "up"],
    ],
    ids=["atdb", "atdb_service", "the API", "the stack"],
)
def test_an_unknown_one_ends_each_start_with_a_sentence(tmp_path: Path, command: list[Path | str]) -> None:
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "ATDB_STATE": str(tmp_path / "state"),
            "ATDB_DATABASE_URL": "postgresql+psycopg2://",
            "ATDB_INSTRUMENT": "hale",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "ATDB_INSTRUMENT must be the name of an installed instrument (apertif), not 'hale'" in done.stderr
    assert "Traceback" not in done.stderr
