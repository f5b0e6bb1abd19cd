"""The points at which the listener is killed, and the trap that kills it there."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import httpx

_RUN = re.compile(r"/dags/(\w+)/dagRuns$")


class Point(StrEnum):
    """The point in its work at which the listener is killed."""

    CLAIM_COMMITTED = "claim committed"
    BETWEEN_RUNS = "between two requests for runs"
    ANSWER_NOT_READ = "request answered but not read"


class Trap:
    """Kills the listener once, at the point for which it is armed, before the request continues."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._lock = threading.Lock()
        self._armed: Point | None = None
        self._since_claim = 0
        self.fired = threading.Event()
        self.times: Counter[Point] = Counter()
        self.fired_at = 0.0

    def arm(self, point: Point) -> None:
        """Fire the next time that the listener reaches a point."""
        with self._lock:
            self._armed = point
            self._since_claim = 0
            self.fired.clear()

    def on_atdb(self, method: str, path: str, answer: httpx.Response | None) -> bool:
        """Watch the requests to ATDB; return whether the trap fired."""
        if method != "POST" or not path.startswith("/atdb/claims/") or "release" in path or answer is None:
            return False
        with self._lock:
            self._since_claim = 0
            has_tasks = answer.is_success and bool(answer.json()["tasks"])
            return has_tasks and self._armed is Point.CLAIM_COMMITTED and self._fire()

    def on_airflow(self, method: str, path: str, answer: httpx.Response | None) -> bool:
        """Watch the requests to Airflow; return whether the trap fired."""
        if method != "POST" or not _RUN.search(path):
            return False
        with self._lock:
            if answer is None:
                return self._armed is Point.BETWEEN_RUNS and self._since_claim > 0 and self._fire()
            self._since_claim += answer.is_success
            return answer.is_success and self._armed is Point.ANSWER_NOT_READ and self._fire()

    def _fire(self) -> bool:
        if self._armed is None:
            return False
        self._kill()
        self.fired_at = time.time()
        self.times[self._armed] += 1
        self._armed = None
        self.fired.set()
        return True
