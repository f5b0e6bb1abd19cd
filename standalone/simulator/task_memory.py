"""The memory of the simulator: one JSON file per task, with the record of what it wrote.

The files survive a kill -9. They are the only memory: nothing is cached. The checksums are those of the generated
bytes, so they show later what the archive must contain.
"""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from atdb_interface.checksum import FileRecord
from atdb_interface.fields import TaskId, Time
from standalone.files import write_private


class TaskState(StrEnum):
    """The progress of a task at the telescope."""

    ACCEPTED = "accepted"
    OBSERVING = "observing"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


class WrittenProduct(BaseModel):
    """A data product as it was generated; the paths of its files are relative to the product."""

    filename: str
    size: int
    checksum: str
    files: list[FileRecord]


class Task(BaseModel):
    """One task. `reported`: ATDB has the report of its end. `aborted`: the observation was cancelled in ATDB.

    `damaged`: the products that a rehearsal has damaged after they were generated, with the fault of each.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    task_id: TaskId = Field(alias="taskID")
    state: TaskState = TaskState.ACCEPTED
    reported: bool = False
    aborted: bool = False
    problem: str = ""
    accepted_at: Time = Field(default_factory=lambda: datetime.now(UTC))
    data_location: str
    parset: str
    products: list[WrittenProduct] = Field(default_factory=list)
    damaged: dict[str, str] = Field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state is TaskState.STOPPED or self.reported or self.aborted

    def summary(self) -> dict[str, Any]:
        """Return the task without its parset and products."""
        return self.model_dump(mode="json", exclude={"parset", "products"})


class TaskMemory:
    """The tasks of one state folder. Two threads may not save the same task at the same time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def find(self, task_id: str) -> Task | None:
        """Return a task, or None. An unreadable file raises an error: a forgotten task would be started twice."""
        try:
            text = self._file(task_id).read_bytes()
        except FileNotFoundError:
            return None
        return Task.model_validate_json(text)

    def tasks(self) -> list[Task]:
        """List all tasks, in the order of their taskIDs."""
        tasks = (self.find(path.stem) for path in sorted(self._folder.glob("[0-9]*.json")))
        return [task for task in tasks if task is not None]

    def save(self, task: Task) -> None:
        """Save a task; it is on the disk when this returns."""
        write_private(self._file(task.task_id), task.model_dump_json(indent=1))

    def _file(self, task_id: str) -> Path:
        return self._folder / f"{task_id}.json"
