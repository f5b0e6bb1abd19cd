"""One pass over some observations: compare their data in ATDB with the disks and the archive."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from atdb_interface import former_texts
from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import NotFound
from atdb_interface.events import NewEvent
from atdb_interface.lifecycle import OBSERVE, SPECIFY, VALIDATE, Group, ProductStatus, Status, statuses
from atdb_interface.observations import Observation
from atdb_interface.reason_codes import ReasonCode
from atdb_interface.reasons import reason_of, without_code
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.errors import DamagedManifestError, OtherObservationError
from atdb_plugins.archive.folder import ArchiveFolder
from atdb_plugins.archive.partial_files import PartialFile
from operators.data.local_products import DataError, path_of, require_data, size_on_disk
from operators.data.removal_check import has_begun
from operators.reconcile.events import digest, disagreement
from operators.reconcile.product_differences import (
    COMPARED,
    Difference,
    is_archived,
    no_product_on_disk,
    products,
    wrong_in_archive,
    wrong_on_disk,
)
from operators.reconcile.statements import receipts_of, wrong_statements

log = logging.getLogger(__name__)

_T = TypeVar("_T")
#: Work on these is in progress, or they have no validated data yet, so their data can change during a comparison.
UNSETTLED = (
    *statuses(lambda row: row.group is Group.WORKING),
    *(SPECIFY.source, OBSERVE.source, VALIDATE.source),
)
SETTLED = tuple(status for status in Status if status not in UNSETTLED)


@dataclass
class DataPass:
    """The findings of a pass. If an archive or a data host cannot be compared, this is one finding per day."""

    client: Client
    ends_at: float
    """The time, by the monotonic clock, after which the pass begins no other observation."""
    archive: Archive | None = None
    events: list[NewEvent] = field(default_factory=list)
    former_keys: dict[str, str] = field(default_factory=dict)
    """For the key of an event, the key that earlier versions gave the same event: a digest of their text."""
    leftovers: list[tuple[Observation, PartialFile]] = field(default_factory=list)
    looked_at: list[Observation] = field(default_factory=list)
    locations: set[str] = field(default_factory=set)

    def compare(self, observations: Sequence[Observation]) -> None:
        """Compare at least one observation, and others until the time is up, in the order of their taskIDs."""
        if not observations:
            return
        of_task = defaultdict(list)
        tasks = observations[0].taskID, observations[-1].taskID
        for product in products(self.client, taskID__range=tasks):
            of_task[product.taskID].append(product)
        receipts = receipts_of(self.client, *tasks)
        for observation in observations:
            self._compare(observation, of_task[observation.taskID], receipts)
            self.looked_at.append(observation)
            if time.monotonic() > self.ends_at:
                log.info(
                    "The time is up. The next pass compares the other %d", len(observations) - len(self.looked_at)
                )
                return

    def trouble(self, error: DataError) -> None:
        """Record that a data host, or all disks, cannot be compared."""
        self._trouble(error.code, error.path or Path(), str(error))

    def archive_trouble(self, error: Exception) -> None:
        """Record that the archive cannot be compared, and continue without it."""
        self.archive = None
        log.warning("%s", error)
        key = f"trouble/{datetime.now(UTC).date()}/archive"
        reason = without_code(reason_of(error))
        self.events.append(disagreement(key, f"The archive cannot be compared: {reason}"))

    def _trouble(self, code: str, path: Path, text: str, problem: str = "") -> None:
        day = f"trouble/{datetime.now(UTC).date()}"
        key = f"{day}/{code}/{digest(f'{path}{problem}')}"
        if all(known.key != key for known in self.events):
            self.events.append(disagreement(key, text))
        if former := former_texts.TROUBLES.get(code):
            self.former_keys[key] = f"{day}/{digest(former.format(path=path, problem=problem))}"

    def _compare(
        self, observation: Observation, held: list[DataProduct], receipts: Collection[tuple[str, str]]
    ) -> None:
        differences = wrong_statements(observation, held, receipts)
        folders: dict[str, Path] = {}
        for product in held:
            if product.my_status not in COMPARED:
                continue
            self.locations.add(product.data_location)
            if wrong := self._on_disk(product, folders):
                differences.append(self._disagreement(product, "disk", wrong))
            if is_archived(product) and (wrong := self._in_archive(product)):
                differences.append(self._disagreement(product, "archive", wrong))
        if differences and self._is_as_it_was(observation, held):
            self.events += differences
        if held:
            partial_files = self._ask_archive(held[0], ArchiveFolder.partial_files) or []
            self.leftovers += [(observation, partial_file) for partial_file in partial_files]
            self._ask_archive(held[0], lambda folder: self._update_manifest(folder, observation))

    def _disagreement(self, product: DataProduct, where: str, difference: Difference) -> NewEvent:
        key = f"{where}/{product.id}/{difference.key}"
        self.former_keys[key] = f"{where}/{product.id}/{digest(difference.former_text)}"
        detail = f"{product.filename} {difference.text}"
        return disagreement(key, detail, atdb_task_id=product.taskID, filename=product.filename)

    def _on_disk(self, product: DataProduct, folders: dict[str, Path]) -> Difference | None:
        """Return the difference on the disk. Each data location is read once per observation."""
        try:
            if product.data_location not in folders:
                folders[product.data_location] = path_of(product).parent
            path = folders[product.data_location] / product.filename
            wrong = wrong_on_disk(product, size_on_disk(path, expected=product.size))
            if wrong:
                require_data(path)
                if product.my_status is ProductStatus.ARCHIVED and has_begun(product, path):
                    return None  # a run that was stopped has deleted it, and the next one reports that
            return wrong
        except DataError as error:
            self.trouble(error)
        except ValueError as error:
            return no_product_on_disk(product, error)
        except OSError as error:
            host, problem = product.data_location.partition(":")[0], error.strerror or str(error)
            text = f"The disk of the data host {host} cannot be read: {problem}. Check its mount."
            self._trouble(ReasonCode.DATA_HOST_UNREADABLE, Path(host), text, problem)
        return None

    def _in_archive(self, product: DataProduct) -> Difference | None:
        def look(folder: ArchiveFolder) -> Difference | None:
            wrong = wrong_in_archive(product, folder.size(product.filename, expected=product.size))
            if wrong and self.archive:
                self.archive.require(product.archive_identity)
            return wrong

        return self._ask_archive(product, look)

    def _update_manifest(self, folder: ArchiveFolder, observation: Observation) -> None:
        """Write the manifest again if the observation was edited, unless a run has begun to ingest it since."""
        try:
            if folder.has_current_manifest(observation):
                return
            now = self.client.observation(observation.taskID)
            if now.my_status not in UNSETTLED and folder.update_manifest(now):
                log.info("The manifest of %s now has the edited specification", observation.taskID)
        except (DamagedManifestError, OtherObservationError) as error:
            self._trouble(error.code, Path(folder.path), str(error))
        except Exception as error:  # each filesystem has errors of its own
            log.warning(
                "The manifest of %s was not updated; the next pass tries again: %s", observation.taskID, error
            )

    def _ask_archive(self, product: DataProduct, ask: Callable[[ArchiveFolder], _T]) -> _T | None:
        if self.archive is None:
            return None
        try:
            return ask(self.archive.folder([product]))
        except Exception as error:  # each filesystem has errors of its own
            self.archive_trouble(error)
            return None

    def _is_as_it_was(self, observation: Observation, held: list[DataProduct]) -> bool:
        """Return whether ATDB still has the compared values, so that the difference is real."""
        return is_as_it_was(self.client, observation) and {
            (product.id, product.my_status, product.size) for product in held
        } == {
            (product.id, product.my_status, product.size)
            for product in products(self.client, taskID=observation.taskID)
        }


def is_as_it_was(client: Client, observation: Observation) -> bool:
    """Return whether an observation has had the same status since it was read."""
    try:
        now = client.observation(observation.taskID)
    except NotFound:
        return False
    return (now.my_status, now.status_since) == (observation.my_status, observation.status_since)
