"""Everything that a rehearsal does to the system, and the book in which that is written down."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from types import MappingProxyType

from standalone.rehearsal.archive_plan import ArchiveFault
from standalone.simulator.faults import Fault


class RehearsedFault(StrEnum):
    """One kind of fault, or of what a person does in the middle of things: a row of the table."""

    KILL_TASK = "kill -9: a task"
    KILL_SUPERVISOR = "kill -9: a task's supervisor"
    KILL_SCHEDULER = "kill -9: Airflow's scheduler"
    KILL_TRIGGERER = "kill -9: Airflow's triggerer"
    KILL_AIRFLOW_API = "kill -9: Airflow's API"
    KILL_ATDB_API = "kill -9: ATDB's API"
    KILL_POSTGRES = "kill -9: PostgreSQL"
    DROP_AIRFLOW = "Airflow's database made new"
    TELESCOPE_REFUSES = "telescope refuses"
    TELESCOPE_DEAF = "telescope takes nothing, says nothing"
    TELESCOPE_SILENT = "telescope observes, says nothing"
    TELESCOPE_LATE = "telescope answers late"
    TELESCOPE_ANSWERS_TWICE = "telescope answers twice"
    TELESCOPE_REPORTS_TWICE = "telescope reports twice"
    DISK_FULL_FOR_A_WHILE = "data disk full for a while"
    DISK_FULL = "data disk full for good"
    ARCHIVE_REFUSES = "archive refuses"
    ARCHIVE_SLOW = "archive slow"
    ARCHIVE_FULL = "archive full"
    ARCHIVE_READS_OTHER = "archive gives other bytes"
    ARCHIVE_WRITES_OTHER = "archive keeps other bytes"
    ARCHIVE_ROTS = "archive's copy rots"
    PRODUCT_MISSING = "product missing"
    PRODUCT_EMPTY = "product empty"
    PRODUCT_GROWING = "product grows while read"
    PRODUCT_OTHER_KIND = "directory for a file, or a file for one"
    PRODUCT_BROKEN_LINK = "product a broken link"
    CANCEL = "a person cancels"
    HOLD = "a person holds, then resumes"
    PAUSE = "a person pauses a stage, then resumes"


T = RehearsedFault

#: Which process of the stack is killed, by its name there.
PROCESSES = MappingProxyType(
    {
        T.KILL_SCHEDULER: "scheduler",
        T.KILL_TRIGGERER: "triggerer",
        T.KILL_AIRFLOW_API: "airflow-api-server",
        T.KILL_ATDB_API: "api",
        T.KILL_POSTGRES: "postgres",
    }
)
#: What the simulator is told to do, and for how many seconds.
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
#: What the archive is told to do, and for how many seconds it does so.
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
#: What leaves a product broken until somebody puts the right bytes back.
BREAKS_A_PRODUCT = (T.PRODUCT_MISSING, T.PRODUCT_EMPTY, T.PRODUCT_OTHER_KIND, T.PRODUCT_BROKEN_LINK)
#: What befalls one observation.
OF_TASKS = (*OF_TELESCOPE, T.CANCEL, T.HOLD)
#: What befalls whatever is under way.
OF_ALL = (T.KILL_TASK, T.KILL_SUPERVISOR, *PROCESSES, T.DROP_AIRFLOW, *OF_ARCHIVE, T.PAUSE)


@dataclass
class Injection:
    """A trouble that was really there: when it began and ended, whom it befell, how long it took to recover.

    `seconds` is measured where the trouble itself has an end that can be seen, as a process that is well again;
    else it is told later from the histories of the tasks.
    """

    trouble: RehearsedFault
    begun: datetime
    ended: datetime
    task_ids: list[str] = field(default_factory=list)
    seconds: float | None = None


class RehearsalRecord:
    """What was done, and which end each task is to have; several threads write into it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.injections: list[Injection] = []
        self.submitted: dict[str, int] = {}
        self.aborted: dict[str, str] = {}

    def submit(self, task_id: str, number: int) -> None:
        """Write down which part of the script a task plays."""
        with self._lock:
            self.submitted[task_id] = number

    def abort(self, task_id: str, why: str) -> None:
        """Write down that a person has cancelled a task, and ATDB has said that it is aborted."""
        with self._lock:
            self.aborted[task_id] = why

    def inject(self, trouble: RehearsedFault, *task_ids: str, begun: datetime | None = None) -> Injection:
        """Write down a trouble that is over, or begins now and ends at once."""
        now = datetime.now(UTC)
        injection = Injection(trouble, begun or now, now, list(task_ids))
        with self._lock:
            self.injections.append(injection)
        return injection

    def times(self) -> Counter[RehearsedFault]:
        """Count how often each trouble was there."""
        with self._lock:
            return Counter(injection.trouble for injection in self.injections)
