"""Which status may follow which, and whose work that is: the one table that the server enforces.

Plain data and the standard library only, so that every part of ATDB (and any other program) can read it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

_S = TypeVar("_S", bound=StrEnum)


class Status(StrEnum):
    """The status of an observation."""

    DEFINED = "defined"
    SCHEDULED = "scheduled"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETING = "completing"
    CHECKING = "checking"
    VALID = "valid"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    INGESTING = "ingesting"
    ARCHIVED = "archived"
    REMOVING = "removing"
    REMOVED = "removed"
    ERROR_TOO_LATE = "error (too late)"
    ERROR_START_OBS = "error (start obs)"
    ERROR_NO_COMPLETING = "error (no completing)"
    INGEST_ERROR = "ingest error"
    REMOVE_ERROR = "remove error"
    ON_HOLD = "on hold"
    ABORTED = "aborted"


class ProductStatus(StrEnum):
    """The status of a data product."""

    DEFINED = "defined"
    VALID = "valid"
    INVALID = "invalid"
    INGESTING = "ingesting"
    ARCHIVED = "archived"
    REMOVED = "removed"
    INGEST_ERROR = "ingest error"


class Actor(StrEnum):
    """Who makes a step: one of the five stages, the telescope's data writer, or a person."""

    SPECIFY = "specify"
    OBSERVE = "observe"
    VALIDATE = "validate"
    INGEST = "ingest"
    REMOVE = "remove"
    TELESCOPE = "telescope"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Step:
    """One allowed change of status."""

    source: Status
    target: Status
    actor: Actor


S, P, A = Status, ProductStatus, Actor

#: Here an operator can put an observation on hold: where nothing acts on it, and where the work can be stopped
#: and begun again. Not while the telescope has it: the sky does not wait, and only a cancel stops that.
HOLDABLE = (
    S.DEFINED, S.SCHEDULED, S.COMPLETING, S.CHECKING, S.VALID, S.COMPLETED, S.INCOMPLETE, S.INGESTING, S.ARCHIVED,
    S.REMOVING, S.ERROR_TOO_LATE, S.ERROR_START_OBS, S.ERROR_NO_COMPLETING, S.INGEST_ERROR, S.REMOVE_ERROR,
)  # fmt: skip

#: Everything before ingesting: here an operator can still cancel.
CANCELLABLE = (
    S.DEFINED, S.SCHEDULED, S.STARTING, S.RUNNING, S.COMPLETING, S.CHECKING,
    S.VALID, S.COMPLETED, S.INCOMPLETE, S.ERROR_TOO_LATE, S.ERROR_START_OBS, S.ERROR_NO_COMPLETING,
)  # fmt: skip

STEPS: tuple[Step, ...] = (
    Step(S.DEFINED, S.SCHEDULED, A.SPECIFY),
    Step(S.SCHEDULED, S.STARTING, A.OBSERVE),
    Step(S.SCHEDULED, S.ERROR_TOO_LATE, A.OBSERVE),
    Step(S.SCHEDULED, S.ERROR_START_OBS, A.OBSERVE),
    Step(S.STARTING, S.ERROR_START_OBS, A.OBSERVE),
    Step(S.STARTING, S.RUNNING, A.OBSERVE),
    Step(S.RUNNING, S.COMPLETING, A.TELESCOPE),
    Step(S.RUNNING, S.ERROR_NO_COMPLETING, A.OBSERVE),
    Step(S.COMPLETING, S.CHECKING, A.VALIDATE),
    Step(S.CHECKING, S.VALID, A.VALIDATE),
    Step(S.CHECKING, S.COMPLETED, A.VALIDATE),
    Step(S.CHECKING, S.INCOMPLETE, A.VALIDATE),
    Step(S.VALID, S.INGESTING, A.INGEST),
    Step(S.INGESTING, S.ARCHIVED, A.INGEST),
    Step(S.INGESTING, S.INGEST_ERROR, A.INGEST),
    Step(S.ARCHIVED, S.REMOVING, A.REMOVE),
    Step(S.REMOVING, S.REMOVED, A.REMOVE),
    Step(S.REMOVING, S.REMOVE_ERROR, A.REMOVE),
    Step(S.COMPLETED, S.VALID, A.OPERATOR),
    Step(S.INCOMPLETE, S.VALID, A.OPERATOR),
    Step(S.ERROR_TOO_LATE, S.SCHEDULED, A.OPERATOR),
    Step(S.ERROR_START_OBS, S.SCHEDULED, A.OPERATOR),
    Step(S.ERROR_NO_COMPLETING, S.RUNNING, A.OPERATOR),
    Step(S.INCOMPLETE, S.COMPLETING, A.OPERATOR),  # what was missing may have come since
    Step(S.INGEST_ERROR, S.VALID, A.OPERATOR),
    Step(S.INGEST_ERROR, S.COMPLETING, A.OPERATOR),  # the data are no longer what was validated
    Step(S.REMOVE_ERROR, S.ARCHIVED, A.OPERATOR),
    Step(S.ARCHIVED, S.VALID, A.OPERATOR),  # while the copies on the data host are there
    Step(S.REMOVE_ERROR, S.VALID, A.OPERATOR),
    *(Step(source, S.ON_HOLD, A.OPERATOR) for source in HOLDABLE),
    *(Step(source, S.ABORTED, A.OPERATOR) for source in CANCELLABLE),
)

PRODUCT_STEPS: tuple[tuple[ProductStatus, ProductStatus], ...] = (
    (P.DEFINED, P.VALID),
    (P.DEFINED, P.INVALID),
    (P.VALID, P.INVALID),  # a validation that is done again, after its first owner was lost, has the last word
    (P.INVALID, P.VALID),
    (P.VALID, P.INGESTING),
    (P.INGESTING, P.ARCHIVED),
    (P.INGESTING, P.VALID),  # its observation left ingesting before this one was copied
    (P.INGESTING, P.INGEST_ERROR),
    (P.INGEST_ERROR, P.INGESTING),
    (P.INGEST_ERROR, P.VALID),  # it was validated again
    (P.INGEST_ERROR, P.INVALID),
    (P.ARCHIVED, P.VALID),  # it is to be ingested again
    (P.ARCHIVED, P.REMOVED),
)


@dataclass(frozen=True)
class Stage:
    """One of the five pipelines: the status it waits for, and the statuses it works in and ends on.

    `working` belongs to one owner at a time (see leases). `resumable` says whether work that lost its owner
    may be given to another; the telescope must never be started twice, so observe's may not.
    """

    actor: Actor
    source: Status
    working: Status | None
    error: Status | None
    resumable: bool = False


SPECIFY = Stage(A.SPECIFY, source=S.DEFINED, working=None, error=None)
OBSERVE = Stage(A.OBSERVE, source=S.SCHEDULED, working=S.STARTING, error=S.ERROR_START_OBS)
VALIDATE = Stage(A.VALIDATE, source=S.COMPLETING, working=S.CHECKING, error=S.INCOMPLETE, resumable=True)
INGEST = Stage(A.INGEST, source=S.VALID, working=S.INGESTING, error=S.INGEST_ERROR, resumable=True)
REMOVE = Stage(A.REMOVE, source=S.ARCHIVED, working=S.REMOVING, error=S.REMOVE_ERROR, resumable=True)
STAGES = (SPECIFY, OBSERVE, VALIDATE, INGEST, REMOVE)

#: The stage that owns each working status.
WORKING = MappingProxyType({stage.working: stage for stage in STAGES if stage.working})

#: The telescope has an observation.
AT_THE_TELESCOPE = (S.STARTING, S.RUNNING)
#: A scheduled observation is given out this long before its start.
START_LEAD = timedelta(minutes=10)
#: The same, while another observation is starting or running.
START_LEAD_BUSY = timedelta(minutes=1)
#: Past its start by more than this, an observation is too late.
START_TOLERANCE = timedelta(minutes=1)
#: How long after its end observe declares an imaging observation completing by itself (backstop).
IMAGING_BACKSTOP = timedelta(minutes=1)
#: How long after its end an observation of which the data writer says nothing is an error.
COMPLETING_TIMEOUT = timedelta(minutes=15)
#: How many owners may lose the same piece of work before it is put on its stage's error status.
MAX_LOST_OWNERS = 3


def _targets(steps: Iterable[tuple[_S, _S]]) -> MappingProxyType[_S, frozenset[_S]]:
    table: dict[_S, set[_S]] = defaultdict(set)
    for source, target in steps:
        table[source].add(target)
    return MappingProxyType({source: frozenset(targets) for source, targets in table.items()})


_NEXT = _targets((step.source, step.target) for step in STEPS)
_NEXT_OF_PRODUCT = _targets(PRODUCT_STEPS)


def allowed_next(status: Status, held_from: Status | None = None) -> frozenset[Status]:
    """Tell which statuses may follow; from `on hold`, only the way back to `held_from`, or aborted."""
    if status is not S.ON_HOLD:
        return _NEXT.get(status, frozenset())
    if held_from is None:
        return frozenset()
    return frozenset({held_from} | ({S.ABORTED} if held_from in CANCELLABLE else set()))


def allowed_next_of_product(status: ProductStatus) -> frozenset[ProductStatus]:
    """Tell which statuses of a data product may follow."""
    return _NEXT_OF_PRODUCT.get(status, frozenset())


def rest_of(status: Status) -> Status:
    """Tell where a hold leads back to: where the observation was, or where it waited for the work now stopped."""
    return WORKING[status].source if status in WORKING else status


def backstop(*, imaging: bool, end: datetime, since: datetime, now: datetime) -> Status | None:
    """Tell what becomes of a running observation of which the data writer says nothing; None while it may.

    `since`: when it began to run, again perhaps, if an operator put it back after its end.
    """
    waited = now - max(end, since)
    if imaging and waited > IMAGING_BACKSTOP:
        return S.COMPLETING
    return S.ERROR_NO_COMPLETING if waited > COMPLETING_TIMEOUT else None
