"""All faults that a rehearsal injects, and the record of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from types import MappingProxyType

from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.reason_codes import ReasonCode
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
    DATA_REPLACED = "archived data overwritten, as many bytes"
    DATA_SHORTENED = "archived data overwritten, fewer bytes"
    DATA_REPLACED_CHECK = "archived data overwritten, then check"
    DATA_REPLACED_INGEST = "archived data overwritten, then ingest"
    DATA_GROWING = "data grow while the archive's copy is read"
    LOCK_GROWING = "table.lock grows after archiving"
    LINK_BEFORE_INGEST = "part of a product becomes a link, before ingest"
    LINK_BEFORE_REMOVE = "part of a product becomes a link, before remove"
    ANNOUNCED_OTHER = "product announced with a wrong size"
    UNMOUNTED_BEFORE_VALIDATE = "data disk not mounted, before validate"
    UNMOUNTED_BEFORE_INGEST = "data disk not mounted, before ingest"
    UNMOUNTED_BEFORE_REMOVE = "data disk not mounted, before remove"
    COPY_EMPTIED = "copy in the archive replaced by an empty directory"
    COPY_REPLACED = "copy in the archive overwritten, as many bytes"
    KILL_REMOVAL = "kill -9: a task in the middle of a removal"
    CANCEL = "an operator cancels"
    HOLD = "an operator holds, then resumes"
    PAUSE = "an operator pauses a stage, then resumes"
    DELETION_OFF = "an operator switches deletion off, then on"
    HOSTILE = "an account sends hostile requests"


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


@dataclass(frozen=True)
class DataFault:
    """A fault of the data of one product, or of its copy, while the pipeline works on the observation.

    - `statuses`: those of the observation when it occurs. `product_status`: that of the product.
    - `refusals`: the codes of the reasons with which ATDB can refuse to continue, of which one must follow.
    - `restores`: the data, the disk or the announcement are restored after the refusal.
    """

    statuses: tuple[Status, ...]
    product_status: ProductStatus
    refusals: tuple[ReasonCode, ...] = ()
    restores: bool = False


_S, _P, _C = Status, ProductStatus, ReasonCode
#: A copy in the archive that another fault has damaged is found before the data are compared with it.
_DIFFERS = (_C.DATA_DIFFERS, _C.ARCHIVE_COPY_WRONG, _C.ARCHIVE_COPY_MISSING)
_WRONG_COPY = (_C.ARCHIVE_COPY_WRONG, _C.ARCHIVE_COPY_MISSING)
_LINK = (_C.NOT_A_PRODUCT, _C.WRONG_KIND, _C.LINK_IN_PATH, _C.DATA_CHANGED, _C.DATA_DIFFERS)
_UNMOUNTED = (_C.DATA_HOST_EMPTY, _C.DATA_HOST_NOT_MOUNTED, _C.DATA_FOLDER_MISSING, _C.OTHER_DISK)
_ARCHIVED = ((_S.ARCHIVED,), _P.ARCHIVED)
OF_DATA = MappingProxyType(
    {
        T.DATA_REPLACED: DataFault(*_ARCHIVED, _DIFFERS),
        T.DATA_SHORTENED: DataFault(*_ARCHIVED, _DIFFERS),
        T.DATA_REPLACED_CHECK: DataFault(*_ARCHIVED),
        T.DATA_REPLACED_INGEST: DataFault(*_ARCHIVED),
        T.DATA_GROWING: DataFault(*_ARCHIVED, _DIFFERS),
        T.LOCK_GROWING: DataFault(*_ARCHIVED),
        T.LINK_BEFORE_INGEST: DataFault((_S.VALID,), _P.VALID, _LINK, restores=True),
        T.LINK_BEFORE_REMOVE: DataFault(*_ARCHIVED, (*_LINK, *_WRONG_COPY), restores=True),
        T.ANNOUNCED_OTHER: DataFault(
            (_S.SCHEDULED, _S.STARTING, _S.RUNNING), _P.DEFINED, (_C.NOT_AS_ANNOUNCED,), restores=True
        ),
        T.UNMOUNTED_BEFORE_VALIDATE: DataFault((_S.COMPLETING,), _P.DEFINED, _UNMOUNTED, restores=True),
        T.UNMOUNTED_BEFORE_INGEST: DataFault((_S.VALID,), _P.VALID, _UNMOUNTED, restores=True),
        T.UNMOUNTED_BEFORE_REMOVE: DataFault(*_ARCHIVED, (*_UNMOUNTED, *_WRONG_COPY), restores=True),
        T.COPY_EMPTIED: DataFault(*_ARCHIVED, _WRONG_COPY),
        T.COPY_REPLACED: DataFault(*_ARCHIVED, _WRONG_COPY),
        T.KILL_REMOVAL: DataFault(*_ARCHIVED),
    }
)
#: Faults for which a host has only the data of the observation.
UNMOUNTS = (T.UNMOUNTED_BEFORE_VALIDATE, T.UNMOUNTED_BEFORE_INGEST, T.UNMOUNTED_BEFORE_REMOVE)
#: Faults that affect one observation.
OF_OBSERVATIONS = (*OF_TELESCOPE, *OF_DATA, T.CANCEL, T.HOLD)
#: Faults that affect all work in progress.
OF_ALL = (T.KILL_TASK, T.KILL_SUPERVISOR, *PROCESSES, T.DROP_AIRFLOW, *OF_ARCHIVE, T.PAUSE, T.DELETION_OFF)


@dataclass
class Injection:
    """A fault that occurred: when it began and ended, which observations it affected, and the time to recover.

    `seconds` is measured if the rehearsal sees the end of the fault, for example when a process is healthy again.
    Otherwise, it is computed later from the histories of the observations.
    """

    fault: RehearsedFault
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

    def inject(self, fault: RehearsedFault, *task_ids: str, begun: datetime | None = None) -> Injection:
        """Record a fault that has ended, or that begins and ends now."""
        now = datetime.now(UTC)
        injection = Injection(fault, begun or now, now, list(task_ids))
        with self._lock:
            self.injections.append(injection)
        return injection

    def times(self) -> Counter[RehearsedFault]:
        """Count how often each fault occurred."""
        with self._lock:
            return Counter(injection.fault for injection in self.injections)
