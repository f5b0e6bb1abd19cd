"""The faults that the simulator is told to have: `faults.json` in its state folder, for rehearsals.

    {"rules": [{"id": "7", "fault": "silent", "taskID": "190405034"},
               {"id": "8", "fault": "disk full", "taskID": "next", "seconds": 5},
               {"id": "9", "fault": "missing", "taskID": "190405036", "product": 2}]}

The file is read again for each request and each product. Without it the simulator has no faults. A rule is used
once: for the task that it names, or for the next one that comes where it could be used. Which rule was used for
which task stands in the journal, and is remembered across a restart.
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
#: The rule is for whichever task comes first.
NEXT = "next"


class Fault(StrEnum):
    """What can be wrong with the telescope, its disk or its products. `seconds`: see Rule."""

    REFUSE = "refuse"
    """Telescope control answers 503, and has not taken the order."""
    DEAF = "deaf"
    """It has not taken the order, and gives no answer for `seconds`."""
    SILENT = "silent"
    """It has taken the order and observes, but gives no answer for `seconds`."""
    ANSWER_TWICE = "answer twice"
    """Its answer comes twice on the same connection."""
    REPORT_TWICE = "report twice"
    """The data writer says twice that it is done."""
    DISK_FULL = "disk full"
    """The data disk takes nothing for `seconds`."""
    MISSING = "missing"
    EMPTY = "empty"
    GROWING = "growing"
    """The last bytes of the product come only after the data writer has said that it is done, over `seconds`."""
    OTHER_KIND = "other kind"
    """A directory where a file should be, or a file where a directory should be."""
    BROKEN_LINK = "broken link"


#: What befalls the answer to an order.
ANSWERING = (Fault.REFUSE, Fault.DEAF, Fault.SILENT, Fault.ANSWER_TWICE)
#: What befalls a product once it is written.
OF_PRODUCTS = (Fault.MISSING, Fault.EMPTY, Fault.GROWING, Fault.OTHER_KIND, Fault.BROKEN_LINK)


class Rule(BaseModel):
    """One fault, to be had once. `product`: which of the task's products, counted from 0 and over again."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    fault: Fault
    task_id: str = Field(NEXT, alias="taskID")
    seconds: Annotated[float, Field(ge=0)] = 0
    product: Annotated[int, Field(ge=0)] = 0


class Plan(BaseModel):
    """All rules, used and unused."""

    rules: list[Rule] = Field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read a plan; an empty one where there is no file."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()

    def write(self, path: Path) -> None:
        """Replace the plan at once."""
        write_private(path, json.dumps(self.model_dump(mode="json")))


class Faults:
    """The plan of one state folder, and which of it was used."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._plan, self._journal, self._lock = folder / PLAN, journal, Lock()
        self._used = {event["rule"] for event in journal.events() if event["event"] == "fault"}
        self._disk_full_until: dict[str, datetime] = {}

    def take(self, task_id: str, *kinds: Fault) -> Rule | None:
        """Give the first unused rule of these kinds that is for this task; it is used now."""
        with self._lock:
            for rule in Plan.read(self._plan).rules:
                if rule.fault in kinds and rule.task_id in (NEXT, task_id) and rule.id not in self._used:
                    self._used.add(rule.id)
                    self._journal.note("fault", taskID=task_id, rule=rule.id, fault=rule.fault)
                    return rule
        return None

    def disk_is_full(self, task_id: str) -> bool:
        """Tell whether the disk takes nothing of this task now."""
        if rule := self.take(task_id, Fault.DISK_FULL):
            self._disk_full_until[task_id] = datetime.now(UTC) + timedelta(seconds=rule.seconds)
        return datetime.now(UTC) < self._disk_full_until.get(task_id, datetime.min.replace(tzinfo=UTC))
