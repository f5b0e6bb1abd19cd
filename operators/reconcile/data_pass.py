"""One pass over some observations: what ATDB says of their data, against the disks and the archive."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from atdb_interface.client import Client
from atdb_interface.dataproducts import DataProduct
from atdb_interface.errors import NotFound
from atdb_interface.events import NewEvent
from atdb_interface.lifecycle import OBSERVE, SPECIFY, VALIDATE, Group, Status, statuses
from atdb_interface.observations import Observation
from atdb_plugins.archive.archive import Archive
from atdb_plugins.archive.folder import ArchiveFolder
from atdb_plugins.archive.partial_files import PartialFile
from operators.data.local_products import DataError, path_of, require_data, size_on_disk
from operators.reconcile.events import digest, disagreement
from operators.reconcile.product_differences import is_archived, products, wrong_in_archive, wrong_on_disk

log = logging.getLogger(__name__)

_T = TypeVar("_T")
#: Somebody works on these, or they have no validated data yet: what is true of them changes as we look.
UNSETTLED = (
    *statuses(lambda row: row.group is Group.WORKING),
    *(SPECIFY.source, OBSERVE.source, VALIDATE.source),
)
SETTLED = tuple(status for status in Status if status not in UNSETTLED)


@dataclass
class DataPass:
    """What a pass has found. An archive or a data host that cannot be looked at is one finding, for a day."""

    client: Client
    ends_at: float
    """By the monotonic clock, it begins with no further observation after this."""
    archive: Archive | None = None
    events: list[NewEvent] = field(default_factory=list)
    leftovers: list[tuple[Observation, PartialFile]] = field(default_factory=list)
    looked_at: list[Observation] = field(default_factory=list)
    locations: set[str] = field(default_factory=set)

    def compare(self, observations: Sequence[Observation]) -> None:
        """Look at observations, in the order of their taskIDs, while there is time; at the first in any case."""
        if not observations:
            return
        of_task = defaultdict(list)
        tasks = f"{observations[0].taskID},{observations[-1].taskID}"
        for product in products(self.client, taskID__range=tasks):
            of_task[product.taskID].append(product)
        for observation in observations:
            self._compare(observation, of_task[observation.taskID])
            self.looked_at.append(observation)
            if time.monotonic() > self.ends_at:
                log.info("no time for the %d others", len(observations) - len(self.looked_at))
                return

    def trouble(self, sentence: str) -> None:
        """Note that something as a whole cannot be looked at."""
        key = f"trouble/{datetime.now(UTC).date()}/{digest(sentence)}"
        if all(known.key != key for known in self.events):
            self.events.append(disagreement(key, sentence))

    def archive_trouble(self, error: Exception) -> None:
        """Go on without the archive."""
        self.archive = None
        log.warning("%s", error)
        key = f"trouble/{datetime.now(UTC).date()}/archive"
        self.events.append(disagreement(key, f"the archive cannot be looked at: {type(error).__name__}: {error}"))

    def _compare(self, observation: Observation, held: list[DataProduct]) -> None:
        differences = []
        folders: dict[str, Path] = {}
        for product in held:
            self.locations.add(product.data_location)
            if wrong := self._on_disk(product, folders):
                differences.append(_wrong(product, "disk", wrong))
            if is_archived(product) and (wrong := self._in_archive(observation, product)):
                differences.append(_wrong(product, "archive", wrong))
        if differences and self._is_as_it_was(observation, held):
            self.events += differences
        partial_files = self._ask_archive(observation, ArchiveFolder.partial_files) or []
        self.leftovers += [(observation, partial_file) for partial_file in partial_files]

    def _on_disk(self, product: DataProduct, folders: dict[str, Path]) -> str | None:
        """Say what is wrong; the folder of each data location is looked up once for each observation."""
        try:
            if product.data_location not in folders:
                folders[product.data_location] = path_of(product).parent
            path = folders[product.data_location] / product.filename
            wrong = wrong_on_disk(product, size_on_disk(path))
            if wrong:
                require_data(path)
            return wrong
        except DataError as error:
            self.trouble(str(error))
        except ValueError as error:
            return f"is {product.my_status}, but on its data host {error}"
        except OSError as error:
            host = product.data_location.partition(":")[0]
            self.trouble(f"the disk of {host} cannot be read: {error.strerror or error}")
        return None

    def _in_archive(self, observation: Observation, product: DataProduct) -> str | None:
        def look(folder: ArchiveFolder) -> str | None:
            wrong = wrong_in_archive(product, folder.size(product.filename))
            if wrong and self.archive:
                self.archive.require()
            return wrong

        return self._ask_archive(observation, look)

    def _ask_archive(self, observation: Observation, ask: Callable[[ArchiveFolder], _T]) -> _T | None:
        if self.archive is None:
            return None
        try:
            return ask(self.archive.folder(observation))
        except Exception as error:  # each filesystem has errors of its own
            self.archive_trouble(error)
            return None

    def _is_as_it_was(self, observation: Observation, held: list[DataProduct]) -> bool:
        """Tell whether what was compared is still what ATDB says, so that the difference is none of time."""
        return is_as_it_was(self.client, observation) and {
            (product.id, product.my_status, product.size) for product in held
        } == {
            (product.id, product.my_status, product.size)
            for product in products(self.client, taskID=observation.taskID)
        }


def is_as_it_was(client: Client, observation: Observation) -> bool:
    """Tell whether an observation has the same status, since the same moment, as when it was read."""
    try:
        now = client.observation(observation.taskID)
    except NotFound:
        return False
    return (now.my_status, now.status_since) == (observation.my_status, observation.status_since)


def _wrong(product: DataProduct, where: str, words: str) -> NewEvent:
    key, detail = f"{where}/{product.id}/{digest(words)}", f"{product.filename} {words}"
    return disagreement(key, detail, atdb_task_id=product.taskID, filename=product.filename)
