"""The faults of the simulator: `faults.json` in its state folder, for rehearsals.

    {"rules": [{"id": "7", "fault": "silent", "taskID": "190405034"},
               {"id": "8", "fault": "disk full", "taskID": "next", "seconds": 5},
               {"id": "9", "fault": "missing", "taskID": "190405036", "product": 2}]}

The simulator reads the file for each request and each product. Without the file, it has no faults. A rule is used
once: for the task that it names, or for the next task to which it applies. The journal records which rule was used
for which task, so a restart does not use a rule again.
"""

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from standalone.files import write_private
from standalone.simulator.journal import Journal

PLAN = "faults.json"
#: The rule is for the first task to which it applies.
NEXT = "next"


class Fault(StrEnum):
    """A fault of the telescope, its disk or its products. `seconds`: see Rule."""

    REFUSE = "refuse"
    """Telescope control responds with 503, and does not accept the order."""
    DEAF = "deaf"
    """Telescope control does not accept the order, and does not respond for `seconds`."""
    SILENT = "silent"
    """Telescope control accepts the order and observes, but does not respond for `seconds`."""
    ANSWER_TWICE = "answer twice"
    """Telescope control sends its response twice on the same connection."""
    REPORT_TWICE = "report twice"
    """The data writer reports the end twice."""
    DISK_FULL = "disk full"
    """The data disk is full for `seconds`."""
    MISSING = "missing"
    EMPTY = "empty"
    GROWING = "growing"
    """The second half of the product's largest file is written only after the report, over `seconds`."""
    OTHER_KIND = "other kind"
    """A directory where a file should be, or a file where a directory should be."""
    BROKEN_LINK = "broken link"


#: Faults of the response to an order.
ANSWERING = (Fault.REFUSE, Fault.DEAF, Fault.SILENT, Fault.ANSWER_TWICE)
#: Faults of a complete product.
OF_PRODUCTS = (Fault.MISSING, Fault.EMPTY, Fault.GROWING, Fault.OTHER_KIND, Fault.BROKEN_LINK)


class Rule(BaseModel):
    """One fault, which occurs once.

    `product`: the index of the task's product from 0. It is taken modulo their number.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    fault: Fault
    task_id: str = Field(default=NEXT, alias="taskID")
    seconds: Annotated[float, Field(ge=0)] = 0
    product: Annotated[int, Field(ge=0)] = 0


class Plan(BaseModel):
    """All rules, both used and unused."""

    rules: list[Rule] = Field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read a plan; without a file, the plan is empty."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()

    def write(self, path: Path) -> None:
        """Replace the plan atomically."""
        write_private(path, json.dumps(self.model_dump(mode="json")))


class Faults:
    """The plan of one state folder, and which of its rules have been used."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._plan, self._journal, self._lock = folder / PLAN, journal, Lock()
        self._used = {event["rule"] for event in journal.events() if event["event"] == "fault"}
        self._disk_full_until: dict[str, datetime] = {}

    def take(self, task_id: str, *kinds: Fault) -> Rule | None:
        """Return the first unused rule of these kinds for this task, and mark the rule as used."""
        with self._lock:
            for rule in Plan.read(self._plan).rules:
                if rule.fault in kinds and rule.task_id in (NEXT, task_id) and rule.id not in self._used:
                    self._used.add(rule.id)
                    self._journal.note("fault", taskID=task_id, rule=rule.id, fault=rule.fault)
                    return rule
        return None

    def disk_is_full(self, task_id: str) -> bool:
        """Return whether the data disk is full now for this task."""
        if rule := self.take(task_id, Fault.DISK_FULL):
            self._disk_full_until[task_id] = datetime.now(UTC) + timedelta(seconds=rule.seconds)
        return datetime.now(UTC) < self._disk_full_until.get(task_id, datetime.min.replace(tzinfo=UTC))
