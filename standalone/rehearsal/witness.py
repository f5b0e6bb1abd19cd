"""The witness of a rehearsal: sees which refusals ATDB records, in its database.

The problem of an attempt is part of a lease, so it is lost when the next attempt succeeds. The file
`troubles.jsonl` keeps it for the judge.
"""

import re
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock

import psycopg2

from standalone.simulator.journal import Journal

TROUBLES = "troubles.jsonl"
_LOOK_EVERY_SECONDS = 0.4
_CODE = re.compile(r"(\w+)(?:\([^()]*\))?: ")
_TROUBLES = """
    SELECT task_id, trouble FROM leases JOIN observations ON observations.id = observation_id
    WHERE trouble IS NOT NULL
"""
_REASONS = "SELECT id, task_id, reason, at FROM transitions WHERE id > %s AND reason <> '' ORDER BY id"


class Witness:
    """Look at the leases and histories in a database until `over` is set."""

    def __init__(self, database: str, folder: Path) -> None:
        self._database, self._journal = database, Journal(folder / TROUBLES)
        self._lock = Lock()
        self._seen: list[tuple[str, str, datetime]] = []
        self._troubles: set[tuple[str, str]] = set()
        self._last = 0

    def watch(self, over: Event) -> None:
        """Look again and again; an ATDB without a database is looked at later."""
        while not over.wait(_LOOK_EVERY_SECONDS):
            try:
                with closing(psycopg2.connect(self._database, connect_timeout=5)) as opened:
                    opened.autocommit = True
                    while not over.wait(_LOOK_EVERY_SECONDS):
                        self.look(opened)
            except psycopg2.Error:
                continue

    def look(self, database: "psycopg2.extensions.connection") -> None:
        """Look once, and record what is new."""
        with database.cursor() as cursor:
            cursor.execute(_TROUBLES)
            troubles = {(task_id, trouble) for task_id, trouble in cursor}
            cursor.execute(_REASONS, [self._last])
            reasons = list(cursor)
        now = datetime.now(UTC)
        with self._lock:
            for task_id, trouble in sorted(troubles - self._troubles):
                self._journal.note("trouble", taskID=task_id, reason=trouble)
                self._seen.append((task_id, code_of(trouble), now))
            self._troubles = troubles
            for number, task_id, reason, at in reasons:
                self._last = number
                self._seen.append((task_id, code_of(reason), at))

    def has_seen(self, task_id: str, codes: Collection[str], since: datetime) -> bool:
        """Return whether ATDB has refused to continue with an observation since a moment, with one of these."""
        with self._lock:
            return any(seen == task_id and code in codes and at >= since for seen, code, at in self._seen)


def code_of(reason: str) -> str:
    """Return the code with which a reason begins; empty if it has none."""
    match = _CODE.match(reason)
    return match[1] if match else ""
