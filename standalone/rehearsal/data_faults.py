"""The faults of data, disks and archive copies while the pipeline works, each at the moment that it is about.

Each is recorded in `acts.jsonl`: what the data are from then on, and which refusal must follow.
"""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any

from atdb_interface.actions import Action
from atdb_interface.client import Client
from atdb_interface.data_hosts import local_path
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import Conflict
from atdb_interface.lifecycle import Actor, Status
from standalone.rehearsal import evidence, hands
from standalone.rehearsal.archive_plan import GROWTH, ArchiveFault, ArchiveFaults, ArchiveRule
from standalone.rehearsal.faults import OF_DATA, DataFault, RehearsalRecord, RehearsedFault
from standalone.rehearsal.kills import ProcessKiller
from standalone.rehearsal.witness import Witness
from standalone.settings import Settings
from standalone.simulator.journal import Journal

log = logging.getLogger(__name__)

T = RehearsedFault
ACTS, OUTSIDE, UNMOUNTED = "acts.jsonl", "outside", "unmounted"
#: How long an observation waits before these stages, in seconds: the time in which a fault can occur.
DELAYS = MappingProxyType({Actor.VALIDATE: 10, Actor.INGEST: 10, Actor.REMOVE: 20})
_DELAYED = {Status.COMPLETING: Actor.VALIDATE, Status.VALID: Actor.INGEST, Status.ARCHIVED: Actor.REMOVE}
#: A fault does not occur later than this before the end of a delay.
_MARGIN = timedelta(seconds=3)
_ENDED = (Status.REMOVED, Status.ABORTED, Status.COMPLETED)
_LOOK_EVERY_SECONDS, _ASK_EVERY_SECONDS = 0.3, 1.0
_REFUSAL_SECONDS, _RULE_SECONDS = 240.0, 600.0
#: How much longer each access of a removal takes that is to be killed.
_SLOW_SECONDS = 0.3
_WRONG_SIZE = 28_800


class _TooLate(Exception):
    """The moment of a fault has passed."""


class DataFaults:
    """Inject faults of data into the observations of a running stack."""

    def __init__(
        self,
        *,
        settings: Settings,
        operator: Client,
        archive: ArchiveFaults,
        process_killer: ProcessKiller,
        witness: Witness,
        record: RehearsalRecord,
        over: Event,
        seed: int,
    ) -> None:
        self._settings, self._operator, self._archive = settings, operator, archive
        self._process_killer = process_killer
        self._witness, self._record, self._over = witness, record, over
        self._acts = Journal(settings.state / ACTS)
        self._chance = random.Random(seed)  # noqa: S311 (a rehearsal must be repeatable)
        self._hands = hands.Hands(self._chance, prepare_outside(settings.state / OUTSIDE))

    def play(self, fault: RehearsedFault, task_id: str, number: int) -> bool:
        """Wait for the moment of a fault, and inject it into a product; return False if there was no such moment.

        Some faults are undone after ATDB has refused to continue. The night operator handles the others.
        """
        data_fault = OF_DATA[fault]
        begun = datetime.now(UTC)
        try:
            product = self._product(fault, data_fault, task_id, number)
            self._inject(fault, data_fault, product)
        except (_TooLate, Conflict) as late:
            log.info("%s: %s did not occur: %s", task_id, fault, late)
            return False
        log.info("%s: %s, from %s on", product.filename, fault, begun)
        return True

    def _inject(  # noqa: PLR0912 (one case per fault)
        self, fault: RehearsedFault, data_fault: DataFault, product: DataProduct
    ) -> None:
        begun, path = datetime.now(UTC), self._path(product)
        restore: Callable[[], None] = lambda: None  # noqa: E731 - most need none
        match fault:
            case T.DATA_REPLACED | T.DATA_REPLACED_CHECK | T.DATA_REPLACED_INGEST:
                self._hands.flip_quietly(path)
                self._note(fault, data_fault, product, data=path)
            case T.DATA_SHORTENED:
                self._hands.rewrite(path, 0.5)
                self._note(fault, data_fault, product, data=path)
            case T.DATA_GROWING:
                self._let_grow(fault, data_fault, product)
            case T.LOCK_GROWING:
                self._hands.lock(path)
                self._note(fault, data_fault, product)
            case T.LINK_BEFORE_INGEST | T.LINK_BEFORE_REMOVE:
                kept = hands.read(path)
                self._note(fault, data_fault, product)
                self._hands.link(path)
                restore = lambda: _restore(path, kept)  # noqa: E731
            case T.ANNOUNCED_OTHER:
                self._operator.change_dataproduct(product.id, announced_size=_WRONG_SIZE)
                self._note(fault, data_fault, product)
                restore = lambda: self._withdraw(product)  # noqa: E731
            case T.UNMOUNTED_BEFORE_VALIDATE | T.UNMOUNTED_BEFORE_INGEST | T.UNMOUNTED_BEFORE_REMOVE:
                restore = self._unmounted(product)
                self._note(fault, data_fault, product)
            case T.COPY_EMPTIED:
                copy = self._copy(product)
                hands.delete(copy)
                copy.mkdir()
                self._note(fault, data_fault, product)
            case T.COPY_REPLACED:
                self._hands.flip_quietly(self._copy(product))
                self._note(fault, data_fault, product)
            case T.KILL_REMOVAL:
                self._kill_removal(fault, data_fault, product)
        if fault in {T.DATA_REPLACED_CHECK, T.DATA_REPLACED_INGEST}:
            action = Action.CHECK if fault is T.DATA_REPLACED_CHECK else Action.INGEST
            self._operator.act(product.taskID, action, reason="rehearsed: the data were repaired")
        try:
            if data_fault.restores:
                self._await_refusal(data_fault, product.taskID, begun)
        finally:
            restore()
        self._record.inject(fault, product.taskID, begun=begun)

    # The moment and the product.

    def _product(self, fault: RehearsedFault, data_fault: DataFault, task_id: str, number: int) -> DataProduct:
        """Wait until an observation has the status for a fault, and return the product. Raises _TooLate."""
        while True:
            self._pause(_LOOK_EVERY_SECONDS)
            observation = self._operator.observation(task_id)
            if observation.my_status in _ENDED:
                raise _TooLate(f"it is {observation.my_status}")
            if observation.my_status not in data_fault.statuses:
                continue
            if stage := _DELAYED.get(observation.my_status):
                ends = observation.status_since + timedelta(seconds=DELAYS[stage])
                if datetime.now(UTC) + _MARGIN > ends:
                    continue
            elif observation.starttime - datetime.now(UTC) < _MARGIN:
                raise _TooLate("it has started")
            products = [
                product
                for product in self._operator.dataproducts(taskID=task_id, ordering="filename")
                if product.my_status is data_fault.product_status
                and (fault is not T.LOCK_GROWING or product.filename.endswith(".MS"))
            ]
            if not products or (fault is T.KILL_REMOVAL and len(products) < 3):
                raise _TooLate("it has no such product")
            return products[0 if fault is T.KILL_REMOVAL else number % len(products)]

    def _await_refusal(self, data_fault: DataFault, task_id: str, since: datetime) -> None:
        """Wait until ATDB has refused to continue; the judge reports it if ATDB does not."""
        deadline = time.monotonic() + _REFUSAL_SECONDS
        while not self._witness.has_seen(task_id, data_fault.refusals, since) and time.monotonic() < deadline:
            self._pause(_LOOK_EVERY_SECONDS)

    def _pause(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise _TooLate("the rehearsal is over")

    def _note(
        self, fault: RehearsedFault, data_fault: DataFault, product: DataProduct, data: Path | None = None
    ) -> None:
        """Record a fault. `data`: the product on the disk that has the bytes that must not be lost from now on."""
        self._acts.note(
            fault.name,
            taskID=product.taskID,
            filename=product.filename,
            refusals=list(data_fault.refusals),
            files=[] if data is None else _files_of(data),
        )

    # The faults that need more than one act.

    def _let_grow(self, fault: RehearsedFault, data_fault: DataFault, product: DataProduct) -> None:
        """Append to a file as remove reads its copy. Raises _TooLate if remove reads nothing in time."""
        path, copy = self._path(product), self._copy(product)
        file = next(each for each in sorted(path.rglob("*")) if each.is_file()) if path.is_dir() else path
        grown = file.read_bytes() + GROWTH
        rule = ArchiveRule(
            id=f"{fault.name}.{product.filename}",
            fault=ArchiveFault.GROW,
            until=time.time() + _RULE_SECONDS,
            path=str(copy / file.relative_to(path)) if file != path else str(copy),
            grows=str(file),
        )
        self._archive.add(rule)
        deadline = time.monotonic() + _RULE_SECONDS
        while not (self._archive.has_used(rule.id) and _content(file) == grown):
            if time.monotonic() > deadline:
                raise _TooLate("remove has not read the copy")
            self._pause(_LOOK_EVERY_SECONDS)
        self._note(fault, data_fault, product, data=path)

    def _unmounted(self, product: DataProduct) -> Callable[[], None]:
        """Replace the folder of a data host by an empty one; return what mounts it again."""
        host = product.data_location.partition(":")[0]
        if others := [
            each["taskID"]
            for each in self._operator.rows(
                "dataproducts", fields=["taskID"], data_location__startswith=f"{host}:"
            )
            if each["taskID"] != product.taskID
        ]:
            raise _TooLate(f"{host} has data of {others[0]} too")
        place, parked = self._settings.data / host, self._settings.state / UNMOUNTED / host
        parked.parent.mkdir(exist_ok=True)
        place.rename(parked)
        place.mkdir()

        def mount() -> None:
            with suppress(OSError):
                place.rmdir()
            if place.exists():  # the judge reports what was written where no disk was mounted
                place.rename(parked.with_name(f"written to {host}"))
            parked.rename(place)

        return mount

    def _kill_removal(self, fault: RehearsedFault, data_fault: DataFault, product: DataProduct) -> None:
        """Kill the task that removes an observation after it has deleted a product and before the last one."""
        rule = ArchiveRule(
            id=f"window.{product.taskID}",
            fault=ArchiveFault.SLOW,
            until=time.time() + _RULE_SECONDS,
            seconds=_SLOW_SECONDS,
            path=str(self._copy(product).parent),
        )
        self._archive.add(rule)
        try:
            first, look_at = self._path(product), 0.0
            while first.exists():
                self._pause(0.01)
                if time.monotonic() < look_at:
                    continue
                if self._operator.observation(product.taskID).my_status in _ENDED:
                    raise _TooLate("it has ended")
                look_at = time.monotonic() + _ASK_EVERY_SECONDS
            if not self._process_killer.kill_task_of(product.taskID):
                raise _TooLate("no task removes it")
        finally:
            self._archive.end(rule.id)
        self._note(fault, data_fault, product)

    def _withdraw(self, product: DataProduct) -> None:
        self._operator.change_dataproduct(product.id, announced_size=None)

    def _path(self, product: DataProduct) -> Path:
        return local_path(self._settings.data, product.data_location) / product.filename

    def _copy(self, product: DataProduct) -> Path:
        return self._settings.archive / str(product.archive_location)


def prepare_outside(folder: Path) -> Path:
    """Create a folder with files that are no data, to which links lead; the judge compares them at the end."""
    (folder / "folder").mkdir(parents=True, exist_ok=True)
    (folder / "file").write_bytes(b"outside")
    (folder / "folder" / "file").write_bytes(b"also outside")
    return folder


def _files_of(product: Path) -> list[dict[str, Any]]:
    return [
        {
            "path": "" if path == product else str(path.relative_to(product)),
            "size": path.stat().st_size,
            "sha256": sha256,
        }
        for path, sha256 in sorted(evidence.sha256sums(product).items())
    ]


def _restore(path: Path, kept: hands.Bytes) -> None:
    """Write a product again, and give it its name when it is complete."""
    beside = path.with_name(f".restored.{path.name}")
    hands.write(beside, kept)
    hands.delete(path)
    beside.rename(path)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
