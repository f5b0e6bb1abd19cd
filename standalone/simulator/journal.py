"""The journal of the simulator: an append-only file of JSON lines, for the judge of a rehearsal."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """A file of events; several threads and processes can append lines without mixing them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, event: str, **fields: Any) -> None:
        """Append an event; it is on the disk when this returns."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **fields}) + "\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events, oldest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        yield from (json.loads(line) for line in lines)
