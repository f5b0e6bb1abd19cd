"""Find and end the leftover processes of an earlier run.

For example, a killed Airflow scheduler leaves its workers and their tasks. Each is in a process group of its own,
so neither supervisord nor the kernel ends them. Therefore, each process of the stack has a marker in its
environment, which all its children inherit.
"""

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress

import psutil

from standalone.settings import Settings

MARKER = "ATDB_PROCESS"
SUPERVISOR = "supervisord"
_POSTGRES_SECONDS = 5.0


def marker(settings: Settings, name: str) -> dict[str, str]:
    """Return the environment variables that mark a process and its children as `name` of this stack."""
    # SPT_NOENV prevents setproctitle, which Airflow uses, from overwriting the environment that psutil reads.
    return {MARKER: f"{settings.state}:{name}", "SPT_NOENV": "1"}


def find(settings: Settings, name: str | None = None) -> list[psutil.Process]:
    """List the processes of this stack, or of one name in it, except this process and its ancestors."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process, mark in _marked(settings) if name in {None, mark} and process.pid not in spared]


def find_started(settings: Settings, name: str) -> list[psutil.Process]:
    """List the process that supervisord started with a name, without its children; none if it has ended."""
    supervisors = {process.pid for process in find(settings, SUPERVISOR)}
    started = []
    for process in find(settings, name):
        with suppress(psutil.NoSuchProcess):
            if process.ppid() in supervisors:
                started.append(process)
    return started


def kill_started(settings: Settings, name: str) -> bool:
    """Kill the process that supervisord started with a name, and return whether there was one."""
    for process in find_started(settings, name):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            return True
    return False


def running_names(settings: Settings) -> set[str]:
    """Return the names of this stack that have a running process."""
    return {name for _, name in _marked(settings)}


def cpu_seconds(settings: Settings, names: Collection[str]) -> float:
    """Return the time that the present processes of these names have used of the processors."""
    return sum(sum(_cpu_times(process)) for process, name in _marked(settings) if name in names)


def end(settings: Settings, name: str | None = None) -> set[int]:
    """End the processes that `find` lists, wait until they have ended, and return their process ids.

    PostgreSQL first gets some seconds to shut down, so that it ends its children. This repeats until no process is
    left, because a process may start another one while it is being ended.
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
    """Yield the processes of this stack with their names.

    PostgreSQL's children overwrite their environment with their title; their working directory identifies them.
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
            continue  # it has ended, or belongs to another user


def _end(process: psutil.Process, *, patient: bool) -> None:
    try:
        if patient and process.name() == "postgres":
            process.send_signal(signal.SIGQUIT)
        else:
            process.kill()
    except psutil.NoSuchProcess:
        return


def _cpu_times(process: psutil.Process) -> tuple[float, float]:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0, 0.0
    return times.user, times.system
