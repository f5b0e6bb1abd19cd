"""Occupy all slots of validate, ingest and remove with real work, until the end of a measurement.

validate reads products of 4 TiB (sparse files). ingest and remove use an archive that is slow: the file system
`faulty://` of the rehearsal.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.data_hosts import local_path
from atdb_interface.errors import AtdbError
from atdb_interface.lifecycle import Actor, Status
from standalone.rehearsal.archive_plan import ArchiveFault, ArchiveFaults, ArchiveRule
from standalone.settings import Settings
from standalone.stack.pools import SLOTS
from tests.benchmarks.listen import submit

STAGES = (Actor.VALIDATE, Actor.INGEST, Actor.REMOVE)
_START_SECONDS, _PATIENCE_SECONDS = 20, 300
#: More than can be read in the time of a measurement.
_PRODUCT_BYTES = 4 << 40
#: How much longer each access to the archive takes, and how many products keep a run busy for a minute at least.
_ACCESS_SECONDS, _PRODUCTS_PER_MINUTE = 20.0, 2
_SAMPLE_SECONDS = 1.0


class BusySlots:
    """Observations on which all slots of some stages work, and the record of whether they did so all the time."""

    def __init__(self, settings: Settings, atdb: Client, faults: ArchiveFaults) -> None:
        self._settings, self._atdb, self._faults = settings, atdb, faults
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        #: The smallest number of observations in progress, by stage.
        self.fewest = {stage: SLOTS[stage] for stage in STAGES}

    def occupy(self, minutes: float) -> None:
        """Start work in each slot that lasts for at least these minutes.

        The stages are paused until all observations are ready, so that the work begins at the same time.
        """
        for stage in STAGES:
            self._pause(stage, paused=True)
        options = {"ndps": 2 + round(_PRODUCTS_PER_MINUTE * minutes)}
        numbers = range(sum(SLOTS[stage] for stage in STAGES))
        task_ids = [submit(self._atdb, f"BUSY_{n}", _START_SECONDS, options=options) for n in numbers]
        to_validate, others = task_ids[: SLOTS[Actor.VALIDATE]], task_ids[SLOTS[Actor.VALIDATE] :]
        to_ingest, to_remove = others[: SLOTS[Actor.INGEST]], others[SLOTS[Actor.INGEST] :]
        self._await(task_ids, Status.COMPLETING)
        self._hold(to_validate)
        self._pause(Actor.VALIDATE, paused=False)
        self._await(others, Status.VALID)
        self._hold(to_ingest)
        self._pause(Actor.INGEST, paused=False)
        self._await(to_remove, Status.ARCHIVED)
        for task_id in to_validate:
            self._grow(task_id)
        until = time.time() + 60 * minutes + _PATIENCE_SECONDS
        self._faults.add(ArchiveRule(id="busy", fault=ArchiveFault.SLOW, until=until, seconds=_ACCESS_SECONDS))
        for task_id in (*to_validate, *to_ingest):
            self._atdb.act(task_id, Action.RESUME)
        self._pause(Actor.REMOVE, paused=False)
        for ready, working in ((to_validate, Status.CHECKING), (to_ingest, Status.INGESTING)):
            self._await(ready, working)
        self._await(to_remove, Status.REMOVING)
        self._thread.start()

    def stop_watching(self) -> None:
        """End the record."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            with suppress(AtdbError):
                for state in self._atdb.stages():
                    if state.stage in self.fewest:
                        self.fewest[state.stage] = min(self.fewest[state.stage], state.working)

    def _pause(self, stage: Actor, *, paused: bool) -> None:
        self._atdb.change_stage(stage, paused=paused, reason="the measurement")

    def _hold(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            self._atdb.act(task_id, Action.HOLD, reason="the measurement")

    def _await(self, task_ids: Sequence[str], status: Status) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._atdb.count_observations(taskID__in=task_ids, my_status=status) < len(task_ids):
            assert time.monotonic() < deadline, f"not all observations became {status} in time"
            time.sleep(0.5)

    def _grow(self, task_id: str) -> None:
        """Extend the first product of an observation, so that its validation lasts for hours."""
        product = next(iter(self._atdb.dataproducts(taskID=task_id, ordering="filename")))
        path: Path = local_path(self._settings.data, product.data_location) / product.filename
        os.truncate(path, _PRODUCT_BYTES)
