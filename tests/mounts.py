"""Mounts of a test, which end with it. Only root can mount; other users skip these tests."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

Mount = Callable[[Path | str, Path], None]


def unmount(target: Path) -> None:
    subprocess.run(["umount", target], check=True)


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount a directory or file on another one, or a new disk in memory if the source is `tmpfs`."""
    with ExitStack() as mounted:

        def on(source: Path | str, target: Path) -> None:
            kind = ["-t", "tmpfs"] if source == "tmpfs" else ["--bind"]
            done = subprocess.run(["mount", *kind, source, target], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"this user cannot mount: {done.stderr.strip()}")
            # Lazily: a test that fails can leave a file open.
            end = partial(subprocess.run, ["umount", "--lazy", target], capture_output=True, check=False)
            mounted.callback(end)

        yield on
