"""Run checks in parallel, each in a process of its own, so that a check that hangs or crashes stops no other.

Threads would not do this. If the server of a network disk does not respond, an access to the disk cannot be ended,
not even by SIGKILL. A program with such a thread cannot end either. A separate process can be left behind.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from standalone.doctor.reasons import short
from standalone.doctor.results import CheckResult, failed

#: Longer than the timeout of each connection and response in a check.
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Check:
    """A check. `hint`: what to do if the check itself hangs or crashes."""

    name: str
    work: Callable[[], Iterable[CheckResult]]
    hint: str


def run(checks: Sequence[Check], timeout_seconds: float = TIMEOUT_SECONDS) -> list[CheckResult]:
    """Run all checks in parallel, and return their results in the order of the checks."""
    deadline = time.monotonic() + timeout_seconds
    running = [(check, *_start(check)) for check in checks]
    results: list[CheckResult] = []
    for check, pid, answers in running:
        results += _receive(check, answers, deadline, timeout_seconds)
        answers.close()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for _, pid, _ in running:
        os.waitpid(pid, os.WNOHANG)
    return results


def _start(check: Check) -> tuple[int, Connection]:
    """Fork a process for a check; a new interpreter would need seconds for its imports."""
    receiver, sender = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            sender.send(_results(check))
        finally:
            os._exit(0)  # skips clean-up that belongs to the parent, and threads of libraries
    sender.close()
    return pid, receiver


def _results(check: Check) -> list[CheckResult]:
    """Run a check and return its results; output that libraries print is discarded."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    try:
        return list(check.work())
    except Exception as error:
        return [failed(check.name, f"{type(error).__name__}: {short(error)}", check.hint)]


def _receive(check: Check, answers: Connection, deadline: float, timeout_seconds: float) -> list[CheckResult]:
    try:
        if not answers.poll(max(0.0, deadline - time.monotonic())):
            return [failed(check.name, f"no answer within {timeout_seconds:g} s", check.hint)]
        results: list[CheckResult] = answers.recv()
    except EOFError:
        return [failed(check.name, "the check ended without a result", check.hint)]
    return results
