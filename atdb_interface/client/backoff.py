"""When a request that failed is made again: exponential backoff with jitter, while patience lasts."""

import random
import time

from atdb_interface.errors import Unavailable

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 4.0


class Retries:
    """The tries of one request, of which the last begins before `patience` seconds are over."""

    def __init__(self, patience: float) -> None:
        self._deadline = time.monotonic() + patience
        self._number = 0

    @property
    def begun(self) -> bool:
        """Tell whether the present try is not the first."""
        return self._number > 0

    def pause_seconds(self, failure: Unavailable) -> float:
        """Tell how long to pause before the next try; raise the failure where patience ends before that.

        Never shorter than the server's Retry-After. The jitter keeps those who failed together from coming back
        together.
        """
        backoff = min(_FIRST_PAUSE_SECONDS * 2**self._number, _LONGEST_PAUSE_SECONDS)
        jittered = random.uniform(backoff / 2, backoff)  # noqa: S311 (no secret is made of it)
        pause: float = failure.extra.get("retry_after", 0) + jittered
        if time.monotonic() + pause > self._deadline:
            raise failure
        self._number += 1
        return pause
