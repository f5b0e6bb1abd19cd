"""Hold the lease on an observation while working on it."""

import logging
import threading
from types import TracebackType
from typing import Self

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Conflict, NotFound

log = logging.getLogger(__name__)

LEASE_SECONDS = 60


class LeaseLostError(Exception):
    """The observation has gone on without this run: cancelled, or given to another owner."""


class LeaseKeeper:
    """Renew a lease in the background until the work is done; `check()` between pieces of work."""

    def __init__(self, client: Client, task_id: str, owner: str) -> None:
        self._client, self._task_id, self._owner = client, task_id, owner
        self._done = threading.Event()
        self._lost: Conflict | NotFound | None = None
        self._thread = threading.Thread(target=self._renew, name=f"lease of {task_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLostError where this run must not go on."""
        if self._lost:
            raise LeaseLostError(str(self._lost))

    def _renew(self) -> None:
        while not self._done.wait(LEASE_SECONDS / 6):
            try:
                self._client.renew(self._task_id, self._owner, LEASE_SECONDS)
            except (Conflict, NotFound) as error:
                self._lost = error
                return
            except AtdbError as error:
                log.warning("the lease of %s is not renewed: %s", self._task_id, error)
