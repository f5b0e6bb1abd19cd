"""All faults that a rehearsal injects, and the record of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from types import MappingProxyType

from standalone.rehearsal.archive_plan import ArchiveFault
from standalone.simulator.faults import Fault


class RehearsedFault(StrEnum):
    """A kind of fault, or of an operator's action during work. The values are row headers of the result."""

    KILL_TASK = "kill -9: a task"
    KILL_SUPERVISOR = "kill -9: a task's supervisor"
    KILL_SCHEDULER = "kill -9: Airflow's scheduler"
    KILL_TRIGGERER = "kill -9: Airflow's triggerer"
    KILL_AIRFLOW_API = "kill -9: Airflow's API"
    KILL_ATDB_API = "kill -9: ATDB's API"
    KILL_POSTGRES = "kill -9: PostgreSQL"
    DROP_AIRFLOW = "Airflow's database replaced"
    TELESCOPE_REFUSES = "telescope refuses"
    TELESCOPE_DEAF = "telescope neither observes nor responds"
    TELESCOPE_SILENT = "telescope observes, but does not respond"
    TELESCOPE_LATE = "telescope responds late"
    TELESCOPE_ANSWERS_TWICE = "telescope responds twice"
    TELESCOPE_REPORTS_TWICE = "telescope reports twice"
    DISK_FULL_FOR_A_WHILE = "data disk full for a while"
    DISK_FULL = "data disk full permanently"
    ARCHIVE_REFUSES = "archive refuses"
    ARCHIVE_SLOW = "archive slow"
    ARCHIVE_FULL = "archive full"
    ARCHIVE_READS_OTHER = "archive returns other bytes"
    ARCHIVE_WRITES_OTHER = "archive stores other bytes"
    ARCHIVE_ROTS = "copy in the archive changes later"
    PRODUCT_MISSING = "product missing"
    PRODUCT_EMPTY = "product empty"
    PRODUCT_GROWING = "product grows during validation"
    PRODUCT_OTHER_KIND = "directory instead of a file, or reverse"
    PRODUCT_BROKEN_LINK = "product is a broken link"
    CANCEL = "an operator cancels"
    HOLD = "an operator holds, then resumes"
    PAUSE = "an operator pauses a stage, then resumes"


T = RehearsedFault

#: The process of the stack that each fault kills.
PROCESSES = MappingProxyType(
    {
        T.KILL_SCHEDULER: "scheduler",
        T.KILL_TRIGGERER: "triggerer",
        T.KILL_AIRFLOW_API: "airflow-api-server",
        T.KILL_ATDB_API: "api",
        T.KILL_POSTGRES: "postgres",
    }
)
#: The simulator's fault, and for how many seconds.
OF_TELESCOPE = MappingProxyType(
    {
        T.TELESCOPE_REFUSES: (Fault.REFUSE, 0.0),
        T.TELESCOPE_DEAF: (Fault.DEAF, 35.0),
        T.TELESCOPE_SILENT: (Fault.SILENT, 35.0),
        T.TELESCOPE_LATE: (Fault.SILENT, 8.0),
        T.TELESCOPE_ANSWERS_TWICE: (Fault.ANSWER_TWICE, 0.0),
        T.TELESCOPE_REPORTS_TWICE: (Fault.REPORT_TWICE, 0.0),
        T.DISK_FULL_FOR_A_WHILE: (Fault.DISK_FULL, 8.0),
        T.DISK_FULL: (Fault.DISK_FULL, 3600.0),
        T.PRODUCT_MISSING: (Fault.MISSING, 0.0),
        T.PRODUCT_EMPTY: (Fault.EMPTY, 0.0),
        T.PRODUCT_GROWING: (Fault.GROWING, 6.0),
        T.PRODUCT_OTHER_KIND: (Fault.OTHER_KIND, 0.0),
        T.PRODUCT_BROKEN_LINK: (Fault.BROKEN_LINK, 0.0),
    }
)
#: The archive's fault, and for how many seconds.
OF_ARCHIVE = MappingProxyType(
    {
        T.ARCHIVE_REFUSES: (ArchiveFault.REFUSE, 12.0),
        T.ARCHIVE_SLOW: (ArchiveFault.SLOW, 15.0),
        T.ARCHIVE_FULL: (ArchiveFault.FULL, 12.0),
        T.ARCHIVE_READS_OTHER: (ArchiveFault.READ_OTHER, 10.0),
        T.ARCHIVE_WRITES_OTHER: (ArchiveFault.WRITE_OTHER, 10.0),
        T.ARCHIVE_ROTS: (ArchiveFault.ROT, 10.0),
    }
)
#: Faults that leave a product damaged until it is repaired.
BREAKS_A_PRODUCT = (T.PRODUCT_MISSING, T.PRODUCT_EMPTY, T.PRODUCT_OTHER_KIND, T.PRODUCT_BROKEN_LINK)
#: Faults that affect one observation.
OF_TASKS = (*OF_TELESCOPE, T.CANCEL, T.HOLD)
#: Faults that affect all work in progress.
OF_ALL = (T.KILL_TASK, T.KILL_SUPERVISOR, *PROCESSES, T.DROP_AIRFLOW, *OF_ARCHIVE, T.PAUSE)


@dataclass
class Injection:
    """A fault that occurred: when it began and ended, which observations it affected, and the time to recover.

    `seconds` is measured if the rehearsal sees the end of the fault, for example when a process is healthy again.
    Otherwise, it is computed later from the histories of the observations.
    """

    trouble: RehearsedFault
    begun: datetime
    ended: datetime
    task_ids: list[str] = field(default_factory=list)
    seconds: float | None = None


class RehearsalRecord:
    """The faults that occurred, and the expected end of each observation; several threads write to it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.injections: list[Injection] = []
        self.submitted: dict[str, int] = {}
        self.aborted: dict[str, str] = {}

    def submit(self, task_id: str, number: int) -> None:
        """Record which observation of the script a taskID is."""
        with self._lock:
            self.submitted[task_id] = number

    def abort(self, task_id: str, why: str) -> None:
        """Record that an operator has cancelled an observation, and that it is aborted in ATDB."""
        with self._lock:
            self.aborted[task_id] = why

    def inject(self, trouble: RehearsedFault, *task_ids: str, begun: datetime | None = None) -> Injection:
        """Record a fault that has ended, or that begins and ends now."""
        now = datetime.now(UTC)
        injection = Injection(trouble, begun or now, now, list(task_ids))
        with self._lock:
            self.injections.append(injection)
        return injection

    def times(self) -> Counter[RehearsedFault]:
        """Count how often each fault occurred."""
        with self._lock:
            return Counter(injection.trouble for injection in self.injections)
