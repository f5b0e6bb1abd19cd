"""A second instrument works: an imaginary one, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from standalone.settings import REPOSITORY
from tests.instruments.installing import install

STORIES = REPOSITORY / "tests" / "instruments" / "imaginary_stories.py"


@pytest.mark.timeout(900)  # each story has the usual timeout
def test_atdb_serves_an_instrument_that_it_does_not_know(tmp_path: Path) -> None:
    installed = install(tmp_path / "installed", "imaginary", "tests.instruments.imaginary:SUN")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", tmp_path / "stories"),
            *("-p", "tests.instruments.imaginary_fixtures", STORIES),
        ],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": f"{installed}:{REPOSITORY}",
            "ATDB_INSTRUMENT": "imaginary",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
