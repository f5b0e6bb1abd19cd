"""Compare the data in ATDB with the disks and the archive, some observations in each pass."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from atdb_interface import former_texts
from atdb_interface.client import Client
from atdb_interface.events import EventKind, NewEvent
from atdb_interface.observations import Observation
from atdb_plugins.hooks.archive import ArchiveHook
from operators.base import AtdbOperator
from operators.data.local_products import DataError, data_root
from operators.reconcile.data_pass import SETTLED, DataPass, is_as_it_was
from operators.reconcile.disks import report_disks, unowned
from operators.reconcile.events import digest, event, new_events, raise_events
from operators.reconcile.safety_limit import SafetyLimit

#: The limits of a pass: observations, and seconds to compare them.
OBSERVATIONS = 500
COMPARE_SECONDS = 40.0
#: The limit for the search for files that belong to no product.
UNOWNED_SECONDS = 15.0

#: The name of the heartbeats. Their detail ends with the taskID at which the next pass begins.
NAME = "airflow reconcile"
_UP_TO = "taskID="


class CompareDataOperator(AtdbOperator):
    """Compare the next observations after those of the last pass; after the last one, begin again."""

    def __init__(self, *, archive_conn_id: str = ArchiveHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive_conn_id = archive_conn_id

    def execute(self, context: Any) -> None:
        """Report the disks, compare, check the safety limit, and raise events."""
        with self.client() as client:
            progress = next((service.detail for service in client.services(name=NAME)), "")
            client.sign_of_life(NAME, detail=progress)
            observations = _following(client, progress)
            data_pass = DataPass(client, time.monotonic() + COMPARE_SECONDS)
            self._open_archive(data_pass)
            root = self._report_disks(data_pass)
            data_pass.compare(observations)
            if root:
                ends_at = time.monotonic() + UNOWNED_SECONDS
                data_pass.events += unowned(client, root, data_pass.locations, datetime.now(UTC), ends_at=ends_at)
            new = new_events(client, data_pass.events, data_pass.former_keys)
            SafetyLimit.of(context).judge(
                client, self.task_id, [each.detail for each in new], len(data_pass.looked_at)
            )
            for raised in raise_events(client, [*new, *self._delete_leftovers(data_pass)]):
                self.log.warning("%s", raised.detail)
            client.sign_of_life(NAME, detail=_progress(observations, data_pass.looked_at))

    def _open_archive(self, data_pass: DataPass) -> None:
        try:
            data_pass.archive = ArchiveHook(self.archive_conn_id).archive()
        except Exception as error:  # each filesystem has errors of its own
            data_pass.archive_trouble(error)

    def _report_disks(self, data_pass: DataPass) -> Path | None:
        """Return the data root too, or None if it is not mounted."""
        try:
            root = data_root()
        except DataError as error:
            data_pass.trouble(error)
            return None
        report_disks(data_pass.client, root)
        return root

    def _delete_leftovers(self, data_pass: DataPass) -> list[NewEvent]:
        """Delete partial files in the archive that no run writes any more."""
        deleted = []
        for observation, leftover in data_pass.leftovers:
            # No run ingests the observation now, so the run that began this file has lost its lease.
            if data_pass.archive is None or not is_as_it_was(data_pass.client, observation):
                continue
            path = leftover.path
            try:
                leftover.delete()
            except Exception as error:  # each filesystem has errors of its own
                self.log.warning("The partial file %s was not deleted; the next pass tries again: %s", path, error)
                continue
            detail = f"The partial file {path} was left in the archive. reconcile has deleted it."
            key = f"leftover/{digest(path)}"
            deleted.append(event(EventKind.REPAIR, key, detail, atdb_task_id=observation.taskID))
        return deleted


def _following(client: Client, progress: str) -> list[Observation]:
    filters = {"taskID__gt": up_to} if (up_to := _compared_up_to(progress)) else {}
    following = client.observations(my_status__in=SETTLED, ordering="taskID", page_size=OBSERVATIONS, **filters)
    return list(islice(following, OBSERVATIONS))


def _progress(following: Sequence[Observation], looked_at: Sequence[Observation]) -> str:
    is_last = len(looked_at) == len(following) < OBSERVATIONS
    if is_last:
        return "Has compared the data of all observations."
    return f"Has compared the data of observations up to {_UP_TO}{looked_at[-1].taskID}"


def _compared_up_to(progress: str) -> str:
    """Return the taskID at which the next pass begins; empty for the first pass."""
    *_, last_word = progress.split() or [""]
    if last_word.startswith(_UP_TO) or progress.startswith(former_texts.COMPARED_UP_TO):
        return last_word.removeprefix(_UP_TO)
    return ""
