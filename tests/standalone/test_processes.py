"""Leftover processes of an earlier run are found by their marker, and no others are ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from standalone.settings import Settings
from standalone.stack import processes

Start = Callable[..., subprocess.Popen[str]]

# Starts a child in a session of its own, as Airflow's workers start their tasks, and prints its process id.
_PARENT = """
import os, sys, time
pid = os.fork()
if pid == 0:
    os.setsid()
    time.sleep(60)
print(pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(
        settings: Settings | None, name: str, code: str = "import time; time.sleep(60)"
    ) -> subprocess.Popen[str]:
        marker = {} if settings is None else processes.marker(settings, name)
        environment = {key: value for key, value in os.environ.items() if key != processes.MARKER} | marker
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_child_of_a_killed_process_is_ended(settings: Settings, start: Start) -> None:
    parent = start(settings, "scheduler", _PARENT)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert _runs(child)
    assert child.pid in processes.end(settings, "scheduler")
    assert not _runs(child)


def test_other_processes_are_left_alone(settings: Settings, start: Start, tmp_path: Path) -> None:
    other_stack = replace(settings, state=tmp_path / "other")
    longer = replace(settings, state=Path(f"{settings.state}-2"))
    others = [
        start(settings, "triggerer"),
        start(other_stack, "scheduler"),
        start(longer, "scheduler"),
        start(None, "scheduler"),
    ]
    mine = start(settings, "scheduler")
    _await_names(settings, {"scheduler", "triggerer"})
    assert processes.end(settings, "scheduler") == {mine.pid}
    assert [process.poll() for process in others] == [None] * len(others)
    assert processes.end(settings) == {others[0].pid}
    assert [process.poll() for process in others[1:]] == [None] * 3


def test_a_process_never_ends_itself_or_one_above_it(settings: Settings) -> None:
    inner = (
        "from standalone.stack import processes; from standalone.settings import Settings;"
        "print(processes.end(Settings.from_environment()))"
    )
    code = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {inner!r}]))"
    environment = os.environ | settings.as_environment() | processes.marker(settings, "scheduler")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_process_that_ends_meanwhile_is_not_found(
    settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = start(settings, "scheduler")
    listed = psutil.Process(ended.pid)
    ended.kill()
    ended.wait()
    monkeypatch.setattr(processes, "find", lambda *_: [listed])
    assert processes.find_started(settings, "scheduler") == []
    assert not processes.kill_started(settings, "scheduler")


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _await_names(settings: Settings, names: set[str]) -> None:
    """Wait until started processes have their own environment, no longer that of this process."""
    deadline = time.monotonic() + 10
    while processes.running_names(settings) != names and time.monotonic() < deadline:
        time.sleep(0.02)
