"""Make the observations: wait for the start, write the products while observing, and report the end."""

import logging
from datetime import UTC, datetime
from threading import BoundedSemaphore, Event, Lock, Thread

from atdb_interface.client import Client
from atdb_interface.errors import Conflict
from standalone.telescope.layout import PARTS
from standalone.telescope.logbook import Logbook, State, Task
from standalone.telescope.order import Order, read_command
from standalone.telescope.reporting import Outcome, report_completing
from standalone.telescope.settings import Settings
from standalone.telescope.writer import ProductWriter

#: So many observations may write at the same time; more would only share the same disk.
WRITERS = 2
_LONGEST_WAIT_SECONDS = 30.0  # so that a clock that is set does not leave us waiting for the wrong moment

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The simulator ends; what is in the logbook is gone on with after its next start."""


class Telescope:
    """Observe as ordered, each task in a thread of its own, and never one task twice."""

    def __init__(self, settings: Settings, logbook: Logbook) -> None:
        self._settings, self._logbook = settings, logbook
        self._accepting = Lock()
        self._writing = BoundedSemaphore(WRITERS)
        self._stopping = Event()

    def accept(self, body: bytes) -> Task:
        """Take an order. Raises BadRequest, and Conflict where the task is known, whatever became of it."""
        order, parset = read_command(body)
        order.directory(self._settings.data_root)
        with self._accepting:
            if known := self._logbook.find(order.task_id):
                raise Conflict(
                    f"the telescope has task {known.task_id} already: {known.state}",
                    taskID=known.task_id,
                    state=known.state,
                )
            task = Task(taskID=order.task_id, data_location=order.data_location, parset=parset)
            self._logbook.save(task)
        log.info("%s: accepted, %d products from %s", task.task_id, len(order.products), order.start)
        accepted = task.model_copy()
        self._begin(task)
        return accepted

    def resume(self) -> None:
        """Go on with what a former run has left undone."""
        for task in self._logbook.tasks():
            if not task.is_over:
                log.info("%s: gone on with, it was %s", task.task_id, task.state)
                self._begin(task)

    def stop(self) -> None:
        """Let every thread end at its next wait; they are daemons, and nobody needs to wait for them."""
        self._stopping.set()

    def _begin(self, task: Task) -> None:
        Thread(target=self._work, args=(task,), name=task.task_id, daemon=True).start()

    def _work(self, task: Task) -> None:
        try:
            if task.state is not State.FINISHED:
                self._observe(task)
            self._report(task)
        except _Stopped:
            pass
        except Exception as error:
            log.exception("%s: failed", task.task_id)
            if task.state is not State.FINISHED:
                self._enter(task, State.FAILED, problem=f"{type(error).__name__}: {error}")

    def _observe(self, task: Task) -> None:
        """Write all products. Where an interrupted run has written some of them, it is all written again."""
        order = Order.read(task.parset)
        directory = order.directory(self._settings.data_root)
        size = self._settings.product_bytes
        writers = [ProductWriter(order, directory, name, size) for name in order.products]
        end = order.finishes(self._settings.speedup)
        self._wait_until(order.start)
        if task.state is State.ACCEPTED:
            _require_free(writers)
            self._enter(task, State.OBSERVING)
        for part in range(PARTS):
            self._wait_until(order.start + (end - order.start) * part / PARTS)
            with self._writing:
                for writer in writers:
                    self._pause(0)
                    writer.write(part)
        self._wait_until(end)
        task.products = [writer.record() for writer in writers]
        self._enter(task, State.FINISHED)

    def _report(self, task: Task) -> None:
        settings = self._settings
        reason = f"the data writer has written {len(task.products)} data products"
        # Its own patience would keep us from ending in time.
        with Client(settings.atdb_url, user=settings.atdb_user, secret=settings.atdb_secret, patience=0) as client:
            outcome, task.problem = report_completing(client, task.task_id, reason=reason, pause=self._pause)
        task.reported = outcome in (Outcome.TAKEN, Outcome.KNOWN)
        task.aborted = outcome is Outcome.ABORTED
        self._logbook.save(task)
        log.info("%s: report %s %s", task.task_id, outcome.name.lower().replace("_", " "), task.problem)

    def _enter(self, task: Task, state: State, *, problem: str = "") -> None:
        task.state, task.problem = state, problem
        self._logbook.save(task)
        log.info("%s: %s", task.task_id, state)

    def _wait_until(self, moment: datetime) -> None:
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            self._pause(min(left, _LONGEST_WAIT_SECONDS))

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped


def _require_free(writers: list[ProductWriter]) -> None:
    """Raise FileExistsError rather than write over data that some other task has left."""
    for writer in writers:
        if writer.path.exists() or writer.path.is_symlink():
            raise FileExistsError(f"{writer.path} is there already")
