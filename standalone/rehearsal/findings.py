"""What the judge of a rehearsal finds."""

from dataclasses import dataclass
from enum import StrEnum


class Violation(StrEnum):
    """What must not happen in a rehearsal."""

    LOST = "observations lost"
    STATUS = "in a wrong status"
    BYTES = "bytes lost or altered"
    DELETION = "unverified deletions"
    DOUBLE_INGEST = "double ingests"
    REFUSAL = "not refused"
    SWITCH = "removed while switched off"
    HOSTILE = "hostile changes"
    OTHER = "other"
    """A broken history, an observation started twice, leftover files."""


@dataclass(frozen=True)
class Finding:
    """One violation. `amount`: the number of bytes if bytes are counted, otherwise 1."""

    wrong: Violation
    task_id: str
    sentence: str
    amount: int = 1
