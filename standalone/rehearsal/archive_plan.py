"""The faults of an archive: a JSON file that each access reads, and a journal of the rules that were used.

    {"rules": [{"id": "3", "fault": "slow", "seconds": 0.5, "until": 1796040000.0}]}

A rule applies to every access until the moment `until`, or only to one product with `path`.
"""

import json
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel, Field

from standalone.files import write_private
from standalone.simulator.journal import Journal


class ArchiveFault(StrEnum):
    """A fault of an archive."""

    REFUSE = "refuse"
    """The archive refuses every access."""
    SLOW = "slow"
    """Each access, and each chunk that is read or written, takes `seconds` longer."""
    FULL = "full"
    """The archive refuses every write."""
    READ_OTHER = "read other bytes"
    """The bytes that are read differ in one byte from the stored ones."""
    WRITE_OTHER = "write other bytes"
    """The stored bytes differ in one byte from those that were written."""
    ROT = "rot"
    """A stored file changes by one byte, once: the first time that it is read under its final name."""
    GROW = "grow"
    """While the file `path` is read, the file `grows` on the data disk grows, once: see `GROWTH`."""


#: What a file on the data disk grows by.
GROWTH = b"written while the copy in the archive was read"


class ArchiveRule(BaseModel):
    """One fault. `until`: seconds since 1970. `path`: the product, or the folder, to which it is limited."""

    id: str
    fault: ArchiveFault
    until: float
    seconds: float = 0
    path: str | None = None
    grows: str | None = None

    def applies(self, path: str) -> bool:
        """Return whether the rule applies to a path now."""
        is_there = self.path is None or path == self.path or path.startswith(f"{self.path}/")
        return is_there and time.time() < self.until


class ArchivePlan(BaseModel):
    """All rules, both past and present."""

    rules: list[ArchiveRule] = Field(default_factory=list)


class ArchiveFaults:
    """The plan of one archive, and the journal of the rules used."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        self._journal = Journal(plan.with_suffix(".jsonl"))
        self._lock = Lock()

    def add(self, rule: ArchiveRule) -> None:
        """Add a rule to the plan."""
        with self._lock:
            plan = self._read()
            plan.rules.append(rule)
            self._write(plan)

    def end(self, rule_id: str) -> None:
        """End a rule now."""
        with self._lock:
            plan = self._read()
            for rule in plan.rules:
                if rule.id == rule_id:
                    rule.until = min(rule.until, time.time())
            self._write(plan)

    def find(self, path: str, fault: ArchiveFault) -> ArchiveRule | None:
        """Return the rule of a fault that applies now; the journal records its first use per path."""
        for rule in self._read().rules:
            if rule.fault is fault and rule.applies(path):
                if not self.was_used(path, fault):
                    self._journal.note("fault", rule=rule.id, fault=fault, path=path)
                return rule
        return None

    def was_used(self, path: str, fault: ArchiveFault) -> bool:
        """Return whether a path has had this fault."""
        return any(event["path"] == path and event["fault"] == fault for event in self._journal.events())

    def active(self) -> bool:
        """Return whether any rule applies now to the whole archive."""
        return any(rule.path is None and time.time() < rule.until for rule in self._read().rules)

    def has_used(self, rule_id: str) -> bool:
        """Return whether a rule was used."""
        return any(event["rule"] == rule_id for event in self.events())

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the first use of each rule per path."""
        return self._journal.events()

    def _write(self, plan: ArchivePlan) -> None:
        write_private(self._plan, json.dumps(plan.model_dump(mode="json")))

    def _read(self) -> ArchivePlan:
        try:
            return ArchivePlan.model_validate_json(self._plan.read_bytes())
        except FileNotFoundError:
            return ArchivePlan()
