"""A clock that a trial can move, for all processes of a stack: libfaketime reads its difference from a file."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from standalone.stack import programs, supervisor

_FILE = "FAKETIME_TIMESTAMP_FILE"
#: The settings of libfaketime: the monotonic clock and the times of files stay, and the file is read each second.
_SETTINGS = {"DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "FAKETIME_CACHE_DURATION": "1"}
_INHERITED = ("LD_PRELOAD", _FILE, *_SETTINGS)


class FakedClock:
    """The clock of a stack. `path`: the file with its difference from the clock of the machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seconds = 0
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set the difference from the clock of the machine, in seconds; this takes effect within a second."""
        new = self.path.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.chmod(0o644)
        new.rename(self.path)
        self._seconds = seconds

    def now(self) -> datetime:
        """Return the time that the stack has now."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds)


@contextmanager
def faked(clock: FakedClock, rules: Mapping[str, str]) -> Iterator[None]:
    """Start each stack in the context with the clock, and with the rules of its API."""
    given = {**rules, "LD_PRELOAD": str(_library()), _FILE: str(clock.path), **_SETTINGS}
    before = supervisor.START_MODULE
    supervisor.START_MODULE = "tests.clocks.start_process"
    inherit()
    os.environ.update(given)
    try:
        yield
    finally:
        supervisor.START_MODULE = before
        for name in given:
            del os.environ[name]


def inherit() -> None:
    """Add the clock to what processes of the stack inherit."""
    programs.INHERITED += _INHERITED


def _library() -> Path:
    return Path(str(files("libfaketime"))) / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
