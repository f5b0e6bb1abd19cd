"""The clock of this machine: whether it jumps, for example when a wrong time is corrected."""

import time
from collections.abc import Callable

#: A difference below this is no jump: time services correct such differences gradually.
LEAST_SECONDS = 5.0


class ClockWatch:
    """Compare the clock with the monotonic clock, which never jumps, each time that it is asked."""

    def __init__(
        self, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._offset = clock() - monotonic()

    def jump(self) -> float:
        """Return by how many seconds the clock has jumped since the last jump, positive if forward; 0 if not."""
        offset = self._clock() - self._monotonic()
        seconds = offset - self._offset
        if abs(seconds) < LEAST_SECONDS:
            return 0.0
        self._offset = offset
        return seconds
