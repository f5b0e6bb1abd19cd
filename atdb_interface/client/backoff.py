"""The retries of a failed request: exponential backoff with jitter, until the patience ends."""

import random
import time

from atdb_interface.errors import Unavailable

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 4.0


class Retries:
    """The attempts of one request. The last attempt begins before `patience` seconds have passed."""

    def __init__(self, patience: float) -> None:
        self._deadline = time.monotonic() + patience
        self._number = 0

    @property
    def begun(self) -> bool:
        """Return whether the present attempt is a retry."""
        return self._number > 0

    def pause_seconds(self, failure: Unavailable) -> float:
        """Return the pause before the next attempt. Raises the failure if the patience ends before it.

        The pause is never shorter than the server's Retry-After. The jitter prevents clients that failed together
        from retrying together.
        """
        backoff = min(_FIRST_PAUSE_SECONDS * 2**self._number, _LONGEST_PAUSE_SECONDS)
        jittered = random.uniform(backoff / 2, backoff)  # noqa: S311 (this is not a secret)
        pause: float = failure.extra.get("retry_after", 0) + jittered
        if time.monotonic() + pause > self._deadline:
            raise failure
        self._number += 1
        return pause
