"""Requests that meet at a lock, in a known order: each is sent when the one before it waits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection

#: A request that does not wait for a lock is done much sooner.
_PATIENCE_SECONDS = 10.0
_Result = TypeVar("_Result")


class Queue:
    """The requests that wait while another transaction holds a lock. PostgreSQL serves them in their order."""

    def __init__(self, held: connection, threads: ThreadPoolExecutor) -> None:
        self._held, self._threads = held, threads
        self._sent = 0

    def send(self, request: Callable[[], _Result]) -> Future[_Result]:
        """Send a request, and return when it waits for a lock. A request that does not wait is an error."""
        answer = self._threads.submit(request)
        self._sent += 1
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._waiting() < self._sent:
            assert not answer.done(), f"The request did not wait for a lock. Its result: {answer.result()}"
            assert time.monotonic() < deadline, "The request neither waits for a lock nor ends."
            time.sleep(0.01)
        return answer

    def release(self) -> None:
        """Roll the transaction back that holds the lock, so that the requests continue one after the other."""
        self._held.rollback()

    def _waiting(self) -> int:
        with self._held.cursor() as cursor:
            cursor.execute("select count(distinct pid) from pg_locks where not granted")
            (number,) = cursor.fetchone() or (0,)
        return int(number)


@contextmanager
def lock_held(owner_url: str, statement: str, **parameters: Any) -> Iterator[Queue]:
    """Hold the locks that a statement takes, until `release` or the end of the block."""
    with (
        ThreadPoolExecutor() as threads,
        closing(psycopg2.connect(owner_url.replace("+psycopg2", ""))) as held,
    ):
        with held.cursor() as cursor:
            cursor.execute(statement, parameters)
        yield Queue(held, threads)


@contextmanager
def observation_held(owner_url: str, task_id: str) -> Iterator[Queue]:
    """Hold the lock on an observation, as a request that changes it does."""
    statement = "select from observations where task_id = %(task_id)s for update"
    with lock_held(owner_url, statement, task_id=task_id) as queue:
        yield queue
