"""Observe: wait for the start, write the products during the observation, and report the end."""

import errno
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import BoundedSemaphore, Event, Lock, Thread

from atdb_interface.client import Client
from atdb_interface.errors import AtdbError, Conflict, NotFound
from atdb_interface.lifecycle import Status
from atdb_interface.quantities import count_of
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import quote, write
from standalone.simulator.damage import damage
from standalone.simulator.data_writer import ProductWriter
from standalone.simulator.faults import OF_PRODUCTS, Fault, Faults
from standalone.simulator.heartbeat import keep_saying
from standalone.simulator.journal import Journal
from standalone.simulator.order import Order
from standalone.simulator.product_files import PARTS
from standalone.simulator.reporting import Outcome, report
from standalone.simulator.settings import Settings
from standalone.simulator.task_memory import Task, TaskMemory, TaskState

#: The number of products that are written at the same time; more would only compete for the same disk.
WRITERS = 2
#: How long the data writer keeps data in memory while the disk is full.
DISK_PATIENCE_SECONDS = 20.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_WAIT_SECONDS = 30.0  # so that a correction of the clock is noticed

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The task was stopped, or the simulator is ending and resumes the task after its next start."""


class Telescope:
    """Observe each task in a thread of its own, and never observe a task twice."""

    def __init__(self, settings: Settings, logbook: TaskMemory) -> None:
        self._settings, self._logbook = settings, logbook
        self._journal = Journal(settings.state / "journal.jsonl")
        self.faults = Faults(settings.state, self._journal)
        self._saving = Lock()
        self._writing = BoundedSemaphore(WRITERS)
        self._ends: dict[str, Event] = {}
        self._ended = Event()

    def accept(self, order: Order, parset: str) -> Task:
        """Accept an order. Raises BadRequest, and Conflict if the task is known, in any state."""
        order.directory(self._settings.data_root)
        with self._saving:
            if known := self._logbook.find(order.task_id):
                self._journal.note("refused", taskID=known.task_id, state=known.state)
                raise Conflict(
                    f"the telescope already has task {known.task_id}: {known.state}",
                    taskID=known.task_id,
                    state=known.state,
                )
            task = Task(taskID=order.task_id, data_location=order.data_location, parset=parset)
            self._journal.note("accepted", taskID=task.task_id)
            self._logbook.save(task)
        log.info("%s: accepted, %d products from %s", task.task_id, len(order.products), order.start)
        accepted = task.model_copy()
        self._begin(task)
        return accepted

    def stop_task(self, task_id: str) -> Task:
        """Stop a task that is not over; nothing more is written or reported. Raises NotFound."""
        with self._saving:
            task = self._logbook.find(task_id)
            if task is None:
                raise NotFound(f"the telescope has no task {task_id}")
            if task.state in (TaskState.ACCEPTED, TaskState.OBSERVING):
                task.state, task.problem = TaskState.STOPPED, "stopped on request"
                self._logbook.save(task)
                self._journal.note("stopped", taskID=task_id)
                log.info("%s: stopped", task_id)
                if task_id in self._ends:
                    self._ends[task_id].set()
        return task

    def resume(self) -> None:
        """Resume the tasks that an earlier run has not completed, and start the heartbeats."""
        for task in self._logbook.tasks():
            if not task.is_over:
                log.info("%s: resumed, it was %s", task.task_id, task.state)
                self._begin(task)
        Thread(target=self._keep_saying, name="presence", daemon=True).start()

    def stop(self) -> None:
        """End every thread at its next pause. The threads are daemons, so they need not be joined."""
        self._ended.set()
        for end in list(self._ends.values()):
            end.set()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the simulator ends."""
        self._ended.wait(seconds)

    def _begin(self, task: Task) -> None:
        self._ends[task.task_id] = Event()
        Thread(target=self._work, args=(task,), name=task.task_id, daemon=True).start()

    def _work(self, task: Task) -> None:
        try:
            if task.state in (TaskState.ACCEPTED, TaskState.OBSERVING):
                self._observe(task)
            self._report(task)
        except _Stopped:
            pass
        except Exception as error:
            log.exception("%s: failed", task.task_id)
            with suppress(_Stopped):
                if task.state is not TaskState.FINISHED:
                    self._enter(task, TaskState.FAILED, problem=f"{type(error).__name__}: {error}")
                    self._report(task)

    def _observe(self, task: Task) -> None:
        """Write all products; those of an interrupted run are written again."""
        order = Order.read(task.parset)
        directory = order.directory(self._settings.data_root)
        size = self._settings.product_bytes
        writers = [
            ProductWriter(
                order, directory, name, size, disk_is_full=lambda: self.faults.disk_is_full(order.task_id)
            )
            for name in order.products
        ]
        end = order.finishes(self._settings.speedup)
        self._wait_until(task, order.start)
        if task.state is TaskState.ACCEPTED:
            _require_free(writers)
            self._enter(task, TaskState.OBSERVING)
        for part in range(PARTS):
            self._wait_until(task, order.start + (end - order.start) * part / PARTS)
            for writer in writers:
                self._pause(task, 0)
                self._write(task, writer, part)
        self._wait_until(task, end)
        task.products = [writer.record() for writer in writers]
        self._damage(task, writers)
        self._enter(task, TaskState.FINISHED)

    def _write(self, task: Task, writer: ProductWriter, part: int) -> None:
        """Write a part of a product; while the disk is full, retry for up to 20 s."""
        deadline = time.monotonic() + DISK_PATIENCE_SECONDS
        while True:
            try:
                with self._writing:
                    writer.write(part)
                return
            except OSError as error:
                if error.errno not in _DISK_FULL or time.monotonic() > deadline:
                    raise
                log.info("%s: %s; retrying", task.task_id, error)
            self._pause(task, 1)

    def _damage(self, task: Task, writers: list[ProductWriter]) -> None:
        while rule := self.faults.take(task.task_id, *OF_PRODUCTS):
            writer = writers[rule.product % len(writers)]
            task.damaged[writer.path.name] = rule.fault
            damage(writer.path, rule)

    def _report(self, task: Task) -> None:
        settings = self._settings
        if task.state is TaskState.FINISHED:
            status = Status.COMPLETING
            written = f"The data writer has written {count_of(len(task.products), 'data product')}."
            reason = write(ReasonCode.DATA_WRITTEN, written)
        else:
            status = Status.ERROR_NO_COMPLETING
            reason = write(ReasonCode.DATA_WRITER_FAILED, f"The data writer failed: {quote(task.problem)}.")
        # The client must not repeat requests: the simulator could not exit in time.
        with Client(settings.atdb_url, user=settings.atdb_user, secret=settings.atdb_secret, patience=0) as client:
            outcome, problem = report(
                client, task.task_id, status, reason=reason, pause=lambda seconds: self._pause(task, seconds)
            )
            if self.faults.take(task.task_id, Fault.REPORT_TWICE):
                try:
                    client.move(task.task_id, status, reason=reason)
                except AtdbError as error:
                    log.info("%s: ATDB refused the second report: %s", task.task_id, error)
        task.problem = task.problem if task.state is TaskState.FAILED else problem
        task.reported = outcome in (Outcome.TAKEN, Outcome.KNOWN)
        task.aborted = outcome is Outcome.ABORTED
        self._save(task)
        log.info("%s: report %s %s", task.task_id, outcome.name.lower().replace("_", " "), problem)

    def _keep_saying(self) -> None:
        settings = self._settings
        with Client(settings.atdb_url, user=settings.atdb_user, secret=settings.atdb_secret, patience=0) as client:
            keep_saying(client, self._logbook, self._ended)

    def _enter(self, task: Task, state: TaskState, *, problem: str = "") -> None:
        task.state, task.problem = state, problem
        self._save(task)
        log.info("%s: %s", task.task_id, state)

    def _save(self, task: Task) -> None:
        """Save a task. Raises _Stopped if the task has been stopped."""
        with self._saving:
            known = self._logbook.find(task.task_id)
            if known is not None and known.state is TaskState.STOPPED:
                raise _Stopped
            self._logbook.save(task)

    def _wait_until(self, task: Task, moment: datetime) -> None:
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            self._pause(task, min(left, _LONGEST_WAIT_SECONDS))

    def _pause(self, task: Task, seconds: float) -> None:
        if self._ends[task.task_id].wait(seconds):
            raise _Stopped


def _require_free(writers: list[ProductWriter]) -> None:
    """Raise FileExistsError if there are files of another task, which must not be overwritten."""
    for writer in writers:
        if writer.path.exists() or writer.path.is_symlink():
            raise FileExistsError(f"{writer.path} already exists")
