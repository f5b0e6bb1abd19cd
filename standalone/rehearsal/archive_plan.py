"""The faults that the archive is told to have: a JSON file that each access reads, and a journal of what it did.

    {"rules": [{"id": "3", "fault": "slow", "seconds": 0.5, "until": 1796040000.0}]}

A rule holds for every access until its moment.
"""

import json
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from standalone.files import write_private
from standalone.simulator.journal import Journal


class ArchiveFault(StrEnum):
    """What can be wrong with an archive."""

    REFUSE = "refuse"
    """It takes nothing and gives nothing."""
    SLOW = "slow"
    """Each access, and each chunk that is read or written, takes `seconds` more."""
    FULL = "full"
    """It takes nothing more."""
    READ_OTHER = "read other bytes"
    """What is read differs in one byte from what is there."""
    WRITE_OTHER = "write other bytes"
    """What is kept differs in one byte from what was written."""
    ROT = "rot"
    """What is kept changes by one byte, once: the first time that it is read under its name."""


class ArchiveRule(BaseModel):
    """One fault. `until`: seconds since 1970."""

    id: str
    fault: ArchiveFault
    until: float
    seconds: float = 0


class ArchivePlan(BaseModel):
    """All rules, past and present."""

    rules: list[ArchiveRule] = Field(default_factory=list)


class ArchiveFaults:
    """The plan of one archive, and what came of it."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        self._journal = Journal(plan.with_suffix(".jsonl"))

    def add(self, rule: ArchiveRule) -> None:
        """Let the archive have one more fault."""
        plan = self._read()
        plan.rules.append(rule)
        write_private(self._plan, json.dumps(plan.model_dump(mode="json")))

    def find(self, path: str, fault: ArchiveFault) -> ArchiveRule | None:
        """Give the rule that holds for an access now; the journal has its first use for each path."""
        for rule in self._read().rules:
            if rule.fault is fault and time.time() < rule.until:
                if not self.was_used(path, fault):
                    self._journal.note("fault", rule=rule.id, fault=fault, path=path)
                return rule
        return None

    def was_used(self, path: str, fault: ArchiveFault) -> bool:
        """Tell whether a path has had this fault."""
        return any(event["path"] == path and event["fault"] == fault for event in self._journal.events())

    def active(self) -> bool:
        """Tell whether some rule holds now."""
        return any(time.time() < rule.until for rule in self._read().rules)

    def events(self) -> Iterator[dict[str, Any]]:
        """Give what came of the rules: the first use of each for each path."""
        return self._journal.events()

    def _read(self) -> ArchivePlan:
        try:
            return ArchivePlan.model_validate_json(self._plan.read_bytes())
        except FileNotFoundError:
            return ArchivePlan()
