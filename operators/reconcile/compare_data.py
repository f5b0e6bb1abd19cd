"""Compare what ATDB says of the data with what the disks and the archive hold, some observations each time."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from atdb_interface.client import Client
from atdb_interface.models import Observation
from atdb_interface.overview import EventKind, NewEvent
from atdb_plugins.hooks.archive import ArchiveHook
from operators.base import AtdbOperator
from operators.data.local_products import DataError, data_root
from operators.reconcile.data_pass import SETTLED, DataPass, is_as_it_was
from operators.reconcile.disks import report_disks, unowned
from operators.reconcile.events import digest, event, new_events, raise_events
from operators.reconcile.safety_limit import SafetyLimit

#: So many observations are looked at in a pass at most, and for so long.
OBSERVATIONS = 500
COMPARE_SECONDS = 40.0
#: And so long for what belongs to no product.
UNOWNED_SECONDS = 15.0

#: Under this name ATDB knows that we are there, and how far we are: so the next pass goes on from there.
NAME = "airflow reconcile"
_UP_TO = "has compared the data up to "
_ALL = "has compared all data"


class CompareDataOperator(AtdbOperator):
    """Look at the next observations, from where the last pass has stopped; after the last one, begin again."""

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def execute(self, context: Any) -> None:
        """Report the disks, compare, let the brake judge, and tell."""
        with self.client() as client:
            progress = next((service.detail for service in client.services(name=NAME)), "")
            client.sign_of_life(NAME, detail=progress)
            observations = _following(client, progress)
            found = DataPass(client, time.monotonic() + COMPARE_SECONDS)
            self._open_archive(found)
            root = self._report_disks(found)
            found.compare(observations)
            if root:
                ends_at = time.monotonic() + UNOWNED_SECONDS
                found.events += unowned(client, root, found.locations, datetime.now(UTC), ends_at=ends_at)
            new = new_events(client, found.events)
            SafetyLimit.of(context).judge(
                client, self.task_id, [each.detail for each in new], len(found.looked_at)
            )
            for told in raise_events(client, [*new, *self._delete_leftovers(found)]):
                self.log.warning("%s", told.detail)
            client.sign_of_life(NAME, detail=_progress(observations, found.looked_at))

    def _open_archive(self, found: DataPass) -> None:
        try:
            found.archive = ArchiveHook(self.archive_conn_id).archive()
        except Exception as error:  # each filesystem has errors of its own
            found.archive_trouble(error)

    def _report_disks(self, found: DataPass) -> Path | None:
        """Give the data root too, or None where there is none now."""
        try:
            root = data_root()
        except DataError as error:
            found.trouble(str(error))
            return None
        report_disks(found.client, root)
        return root

    def _delete_leftovers(self, found: DataPass) -> list[NewEvent]:
        """Delete what was left half written in the archive and is nobody's now."""
        deleted = []
        for observation, path in found.leftovers:
            # Nobody ingests it still, so whoever began a part which was seen before has lost it.
            if found.archive is None or not is_as_it_was(found.client, observation):
                continue
            try:
                found.archive.delete_leftover(path)
            except Exception as error:  # each filesystem has errors of its own
                self.log.warning("%s is not deleted: %s", path, error)
                continue
            words = f"{path} was left half written in the archive, and is deleted"
            deleted.append(event(EventKind.REPAIR, f"leftover/{digest(path)}", words, task_id=observation.taskID))
        return deleted


def _following(client: Client, progress: str) -> list[Observation]:
    filters = {"taskID__gt": progress.removeprefix(_UP_TO)} if progress.startswith(_UP_TO) else {}
    found = client.observations(my_status__in=SETTLED, ordering="taskID", page_size=OBSERVATIONS, **filters)
    return list(islice(found, OBSERVATIONS))


def _progress(asked: Sequence[Observation], looked_at: Sequence[Observation]) -> str:
    is_last = len(looked_at) == len(asked) < OBSERVATIONS
    return _ALL if is_last else f"{_UP_TO}{looked_at[-1].taskID}"
