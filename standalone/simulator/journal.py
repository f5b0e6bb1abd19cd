"""What the simulator did, one JSON line each, only ever added to: for whoever judges a rehearsal afterwards."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """A file of events; lines that several threads or processes add never mix."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, event: str, **fields: Any) -> None:
        """Add an event, on the disk before this returns."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **fields}) + "\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def events(self) -> Iterator[dict[str, Any]]:
        """Give all events, oldest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        yield from (json.loads(line) for line in lines)
