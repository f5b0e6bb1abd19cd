"""Hold the lease on an observation during the work on it, and stop the work when the lease is lost."""

import logging
import math
import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Conflict, NotFound
from atdb_interface.times import LEASE_SECONDS, REACT_SECONDS, RENEW_SECONDS

log = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """The observation no longer belongs to this run: it was cancelled, put on hold, or has another owner."""


class LeaseKeeper:
    """Renew a lease in the background until the work is done, and report its progress to ATDB.

    The work calls `advance` for each chunk of data, or `check`: both raise LeaseLostError once the lease is
    lost. If it calls neither in time, for example because it waits for a disk, SIGUSR1 interrupts it once and
    raises the same error. That works in the main thread only.

    `supervisor`: the process that started this work. If it is no longer the parent process, it was killed, and
    Airflow gives the work to another attempt. This one must end first.
    """

    def __init__(self, client: Client, atdb_task_id: str, owner: str, *, supervisor: int | None = None) -> None:
        self._client, self._atdb_task_id, self._owner, self._supervisor = client, atdb_task_id, owner, supervisor
        self._done_bytes = 0
        self._total_bytes: int | None = None
        self._trouble: str | None = None
        self._lost = ""
        self._renewed_at = -math.inf
        self._done, self._reacted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {atdb_task_id}", daemon=True)
        self._worker = threading.current_thread()
        self._former_handler: Any = None

    def __enter__(self) -> Self:
        if self._is_interruptible():
            self._former_handler = signal.signal(signal.SIGUSR1, self._interrupt)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reacted.set()
        self._done.set()
        self._thread.join()
        if self._is_interruptible():
            signal.signal(signal.SIGUSR1, self._former_handler)

    def begin(self, total_bytes: int, done_bytes: int = 0) -> None:
        """Set the number of bytes that the whole work reads, and the number that earlier attempts have read."""
        self._done_bytes, self._total_bytes = done_bytes, total_bytes

    def advance(self, n_bytes: int) -> None:
        """Count bytes as read. Raises LeaseLostError."""
        self.reach(self._done_bytes + n_bytes)
        self.check()

    def reach(self, done_bytes: int) -> None:
        """Report this number of bytes as done, also if they were not read. The number never decreases."""
        most = done_bytes if self._total_bytes is None else self._total_bytes
        self._done_bytes = max(self._done_bytes, min(done_bytes, most))

    def report(self, trouble: str) -> None:
        """Report a problem to ATDB with the next renewal; an empty text ends it."""
        self._trouble = trouble

    def check(self) -> None:
        """Raise LeaseLostError if this run must not continue."""
        if self.is_lost():
            self._reacted.set()
            raise LeaseLostError(self._lost)

    def confirm(self, *, within_seconds: float = 0.0) -> None:
        """Renew the lease now, and raise LeaseLostError if this run no longer has it.

        Use this before a step that must not happen without the lease: `check` knows only the result of the last
        renewal. A renewal that began within these last seconds is recent enough. Raises AtdbError if ATDB does not
        respond.
        """
        self.check()
        if time.monotonic() - self._renewed_at < within_seconds:
            return
        try:
            self._ask_renewal()
        except (Conflict, NotFound) as error:
            self._lost = str(error)
        self.check()

    def is_lost(self) -> bool:
        """Return whether this run must not continue."""
        if not self._lost and self._supervisor is not None and os.getppid() != self._supervisor:
            self._lost = f"The process {self._supervisor} that supervised this attempt has ended."
        return bool(self._lost)

    def _keep(self) -> None:
        while not self._done.wait(RENEW_SECONDS):
            if not self.is_lost():
                self._renew()
            if self.is_lost():
                log.warning("The work on %s stops: %s", self._atdb_task_id, self._lost)
                if not self._reacted.wait(REACT_SECONDS) and self._is_interruptible() and self._worker.ident:
                    signal.pthread_kill(self._worker.ident, signal.SIGUSR1)
                return

    def _ask_renewal(self) -> None:
        progress: dict[str, Any] = {"trouble": self._trouble}
        if self._total_bytes is not None:
            progress |= {"done_bytes": self._done_bytes, "total_bytes": self._total_bytes}
        begin = time.monotonic()
        self._client.renew(self._atdb_task_id, self._owner, LEASE_SECONDS, **progress)
        self._renewed_at = begin

    def _renew(self) -> None:
        try:
            self._ask_renewal()
        except (Conflict, NotFound) as error:
            self._lost = str(error)
        except AtdbError as error:
            log.warning("Cannot renew the lease of %s now; the work continues: %s", self._atdb_task_id, error)

    def _interrupt(self, signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.is_lost() and not self._reacted.is_set():
            self._reacted.set()
            raise LeaseLostError(self._lost)

    def _is_interruptible(self) -> bool:
        return self._worker is threading.main_thread()
