"""Interrupt a stage at one of its system calls or requests: to kill it, to make it fail, or to do something else.

Each event is the moment before a file is opened, renamed, synced or deleted, and before and after each request.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

_EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.listdir", "os.scandir"}


class Interrupt:
    """Count the events of a stage, and call `then` before the event of a number."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._worker: int | None = None
        self._then: Callable[[], None] | None = None
        self._number = 0
        self.count = 0
        sys.addaudithook(self._hear)

    @contextmanager
    def at(self, number: int, then: Callable[[], None] | None) -> Iterator[None]:
        self.count, self._number, self._then = 0, number, then
        send, fsync = httpx.Client.send, os.fsync

        def sent(*arguments: Any, **named: Any) -> httpx.Response:
            self._event()
            answer = send(*arguments, **named)
            self._event()
            return answer

        def synced(handle: int) -> None:
            self._event()
            fsync(handle)

        httpx.Client.send, os.fsync = sent, synced  # type: ignore[method-assign, assignment]
        self._worker = threading.get_ident()
        try:
            yield
        finally:
            self._worker = None
            httpx.Client.send, os.fsync = send, fsync  # type: ignore[method-assign]

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._worker != threading.get_ident() or event not in _EVENTS:
            return
        path = arguments[0] if arguments else ""
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        if not text.startswith("/") or text.startswith((self._base, "/proc/self/fd/")):
            self._event()

    def _event(self) -> None:
        if self._worker != threading.get_ident():
            return
        self.count += 1
        if self.count == self._number and (then := self._then):
            worker, self._worker = self._worker, None
            try:
                then()
            finally:
                self._worker = worker


def fail() -> None:
    """Fail as a disk or an archive does that cannot be read or written."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def in_child(work: Callable[[], object]) -> int:
    """Do some work in another process, and return its exit status: negative for the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
