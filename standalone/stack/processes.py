"""Find and end what a former incarnation of a process has left running.

A killed Airflow scheduler, for one, leaves its workers and their tasks, each in a process group of its own,
where neither supervisord nor the kernel ends them. So every process of the stack carries a marker in its
environment, which all its children inherit.
"""

import os
import signal
import time
from collections.abc import Iterator

import psutil

from standalone.settings import Settings

MARKER = "ATDB_PROCESS"
SUPERVISOR = "supervisord"
_POSTGRES_SECONDS = 5.0


def marker(settings: Settings, name: str) -> dict[str, str]:
    """Give the environment variable that marks a process, and what it starts, as `name` of this stack."""
    # SPT_NOENV keeps setproctitle, which Airflow uses, from overwriting the environment that psutil reads.
    return {MARKER: f"{settings.state}:{name}", "SPT_NOENV": "1"}


def find(settings: Settings, name: str | None = None) -> list[psutil.Process]:
    """List the processes of this stack, or of one name in it; never this process or one above it."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process, mark in _marked(settings) if name in {None, mark} and process.pid not in spared]


def running_names(settings: Settings) -> set[str]:
    """Name the parts of this stack of which any process runs."""
    return {name for _, name in _marked(settings)}


def end(settings: Settings, name: str | None = None) -> set[int]:
    """End what `find` lists, and wait until it is gone; gives the process ids.

    PostgreSQL gets some seconds to end by itself first (its children do, when it is told to quit at once).
    Looks again until nothing is left, as a process may start another while it is being ended, and as one that
    has ended stays in the list of processes for as long as its parent does not ask for its exit code.
    """
    ended: set[int] = set()
    patience = time.monotonic() + _POSTGRES_SECONDS
    while processes := find(settings, name):
        for process in processes:
            _end(process, patient=time.monotonic() < patience)
        ended |= {process.pid for process in processes}
        time.sleep(0.05)
    return ended


def _marked(settings: Settings) -> Iterator[tuple[psutil.Process, str]]:
    """Give the processes of this stack with their names.

    PostgreSQL's children overwrite their environment with their title; they are known by their folder.
    """
    prefix = f"{settings.state}:"
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            value = process.environ().get(MARKER, "")
            if value.startswith(prefix):
                yield process, value.removeprefix(prefix)
            elif process.name() == "postgres" and process.cwd() == str(settings.cluster):
                yield process, "postgres"
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or somebody else's


def _end(process: psutil.Process, *, patient: bool) -> None:
    try:
        if patient and process.name() == "postgres":
            process.send_signal(signal.SIGQUIT)
        else:
            process.kill()
    except psutil.NoSuchProcess:
        return
