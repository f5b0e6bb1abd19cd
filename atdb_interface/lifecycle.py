"""Which status may follow which, and whose work that is: the one table that the server enforces.

Plain data and the standard library only, so that every part of ATDB (and any other program) can read it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
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


class Group(StrEnum):
    """What a status means to an operator. Each group has a colour and a shape on the pages."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    ATTENTION = "needs a person"
    ENDED = "ended"

    @property
    def key(self) -> str:
        """Return the name of its colour and shape."""
        return "person" if self is Group.ATTENTION else self.value


class Phase(StrEnum):
    """What the telescope has done with an observation."""

    BEFORE = "before"
    AT_THE_TELESCOPE = "at the telescope"
    UNKNOWN = "unknown"
    OBSERVED = "observed"


class Moment(StrEnum):
    """From when the expected duration of a status counts."""

    ENTERED = "entered"
    START = "start"
    END = "end"


class Action(StrEnum):
    """What a person may ask for any observation; where that leads is told by `target_of`."""

    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    CHECK = "check"
    INGEST = "ingest"


@dataclass(frozen=True)
class Step:
    """One allowed change of status."""

    source: Status
    target: Status
    actor: Actor


S, P, A = Status, ProductStatus, Actor

#: A scheduled observation is given out this long before its start.
START_LEAD = timedelta(minutes=10)
#: The same, while another observation is starting or running.
START_LEAD_BUSY = timedelta(minutes=1)
#: Past its start by more than this, an observation is too late.
START_TOLERANCE = timedelta(minutes=1)
#: How long after its end the telescope is asked about an observation of which the data writer says nothing.
ASK_AFTER = timedelta(minutes=1)
#: How long after its end an observation of which the data writer says nothing is an error.
COMPLETING_TIMEOUT = timedelta(minutes=15)
#: How many owners may lose the same piece of work before it is put on its stage's error status.
MAX_LOST_OWNERS = 3


@dataclass(frozen=True)
class StatusRow:
    """All that is true of one status; whatever the project says of statuses derives from these rows.

    `phase`: None if it is that of the status before. `steps`: the statuses that follow without an operator, and
    the actor that makes each step. `actions`: where retry, check and ingest lead; the first is what an operator
    does to solve a problem. `holdable`: nothing acts on it, or the work can be stopped and begun again; not while
    the telescope has it, because the sky does not wait. `cancellable`: it can still be aborted. `expected`: how
    long an observation has it at most before it is overdue, counted from `expected_from`; None for ever.
    """

    group: Group
    phase: Phase | None
    steps: Mapping[Status, Actor] = field(default_factory=dict)
    actions: Mapping[Action, Status] = field(default_factory=dict)
    holdable: bool = False
    cancellable: bool = False
    expected: timedelta | None = None
    expected_from: Moment = Moment.ENTERED


_Row = partial(StatusRow, holdable=True, cancellable=True)
_RETRY, _CHECK, _INGEST = Action.RETRY, Action.CHECK, Action.INGEST
_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

STATUSES: Mapping[Status, StatusRow] = MappingProxyType({
    S.DEFINED: _Row(Group.WAITING, Phase.BEFORE, {S.SCHEDULED: A.SPECIFY}, expected=10 * _MINUTE),
    S.SCHEDULED: _Row(
        Group.WAITING,
        Phase.BEFORE,
        {S.STARTING: A.OBSERVE, S.ERROR_TOO_LATE: A.OBSERVE, S.ERROR_START_OBS: A.OBSERVE},
        expected=START_TOLERANCE,
        expected_from=Moment.START,
    ),
    S.STARTING: _Row(
        Group.WORKING,
        Phase.AT_THE_TELESCOPE,
        {S.ERROR_START_OBS: A.OBSERVE, S.RUNNING: A.OBSERVE},
        holdable=False,
        expected=5 * _MINUTE,
        expected_from=Moment.START,
    ),
    S.RUNNING: _Row(
        Group.WORKING,
        Phase.AT_THE_TELESCOPE,
        {S.COMPLETING: A.TELESCOPE, S.ERROR_NO_COMPLETING: A.OBSERVE},
        holdable=False,
        expected=COMPLETING_TIMEOUT,
        expected_from=Moment.END,
    ),
    S.COMPLETING: _Row(Group.WAITING, Phase.OBSERVED, {S.CHECKING: A.VALIDATE}, expected=_HOUR),
    S.CHECKING: _Row(
        Group.WORKING,
        Phase.OBSERVED,
        {S.VALID: A.VALIDATE, S.COMPLETED: A.VALIDATE, S.INCOMPLETE: A.VALIDATE},
        expected=_DAY,
    ),
    S.VALID: _Row(Group.WAITING, Phase.OBSERVED, {S.INGESTING: A.INGEST}, expected=_DAY),
    S.COMPLETED: _Row(Group.ATTENTION, Phase.OBSERVED, actions={_INGEST: S.VALID}, expected=7 * _DAY),
    S.INCOMPLETE: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        actions={_RETRY: S.COMPLETING, _INGEST: S.VALID},  # what was missing may have come since
        expected=_DAY,
    ),
    S.INGESTING: _Row(
        Group.WORKING,
        Phase.OBSERVED,
        {S.ARCHIVED: A.INGEST, S.INGEST_ERROR: A.INGEST},
        cancellable=False,
        expected=2 * _DAY,
    ),
    S.ARCHIVED: _Row(
        Group.DONE,
        Phase.OBSERVED,
        {S.REMOVING: A.REMOVE},
        actions={_INGEST: S.VALID},  # while the copies on the data host are there
        cancellable=False,
        expected=7 * _DAY,
    ),
    S.REMOVING: _Row(
        Group.WORKING,
        Phase.OBSERVED,
        {S.REMOVED: A.REMOVE, S.REMOVE_ERROR: A.REMOVE},
        cancellable=False,
        expected=_DAY,
    ),
    S.REMOVED: StatusRow(Group.DONE, Phase.OBSERVED),
    S.ERROR_TOO_LATE: _Row(Group.ATTENTION, Phase.BEFORE, actions={_RETRY: S.SCHEDULED}, expected=_DAY),
    S.ERROR_START_OBS: _Row(Group.ATTENTION, Phase.BEFORE, actions={_RETRY: S.SCHEDULED}, expected=_DAY),
    S.ERROR_NO_COMPLETING: _Row(Group.ATTENTION, Phase.UNKNOWN, actions={_RETRY: S.RUNNING}, expected=_DAY),
    S.INGEST_ERROR: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        # The data may have changed since they were validated. Of what is incomplete, a retry is just that.
        actions={_RETRY: S.VALID, _CHECK: S.COMPLETING, _INGEST: S.VALID},
        cancellable=False,
        expected=_DAY,
    ),
    S.REMOVE_ERROR: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        actions={_RETRY: S.ARCHIVED, _INGEST: S.VALID},
        cancellable=False,
        expected=_DAY,
    ),
    S.ON_HOLD: StatusRow(Group.ATTENTION, None, expected=7 * _DAY),
    S.ABORTED: StatusRow(Group.ENDED, None),
})  # fmt: skip


def statuses(meets: Callable[[StatusRow], bool]) -> tuple[Status, ...]:
    """Return the statuses whose row meets a condition, in the order of the lifecycle."""
    return tuple(status for status, row in STATUSES.items() if meets(row))


HOLDABLE = statuses(lambda row: row.holdable)
CANCELLABLE = statuses(lambda row: row.cancellable)
#: The telescope has an observation.
AT_THE_TELESCOPE = statuses(lambda row: row.phase is Phase.AT_THE_TELESCOPE)
#: The telescope has never had an observation.
BEFORE_START = statuses(lambda row: row.phase is Phase.BEFORE)
#: The telescope is done with an observation.
OBSERVED = statuses(lambda row: row.phase is Phase.OBSERVED)


def _operator_steps(row: StatusRow) -> tuple[Status, ...]:
    return (
        *dict.fromkeys(row.actions.values()),
        *((S.ON_HOLD,) if row.holdable else ()),
        *((S.ABORTED,) if row.cancellable else ()),
    )


STEPS: tuple[Step, ...] = (
    *(Step(source, target, actor) for source, row in STATUSES.items() for target, actor in row.steps.items()),
    *(Step(source, target, A.OPERATOR) for source, row in STATUSES.items() for target in _operator_steps(row)),
)


@dataclass(frozen=True)
class ProductStatusRow:
    """All that is true of one status of a data product. `next`: the statuses that can follow.

    `on_disk`: its data are on the data host; `archived`: the archive holds a verified copy.
    """

    group: Group
    next: tuple[ProductStatus, ...] = ()
    on_disk: bool = False
    archived: bool = False


PRODUCT_STATUSES: Mapping[ProductStatus, ProductStatusRow] = MappingProxyType({
    P.DEFINED: ProductStatusRow(Group.WAITING, (P.VALID, P.INVALID)),
    # A validation that is done again, after its first owner was lost, has the last word.
    P.VALID: ProductStatusRow(Group.WAITING, (P.INVALID, P.INGESTING), on_disk=True),
    P.INVALID: ProductStatusRow(Group.ATTENTION, (P.VALID,)),
    # Valid again: its observation left ingesting before this one was copied.
    P.INGESTING: ProductStatusRow(Group.WORKING, (P.ARCHIVED, P.VALID, P.INGEST_ERROR)),
    # Valid again: it is to be ingested again.
    P.ARCHIVED: ProductStatusRow(Group.DONE, (P.VALID, P.REMOVED), on_disk=True, archived=True),
    P.REMOVED: ProductStatusRow(Group.DONE, archived=True),
    # Valid or invalid: it was validated again.
    P.INGEST_ERROR: ProductStatusRow(Group.ATTENTION, (P.INGESTING, P.VALID, P.INVALID), on_disk=True),
})  # fmt: skip


def product_statuses(meets: Callable[[ProductStatusRow], bool]) -> tuple[ProductStatus, ...]:
    """Return the statuses of data products whose row meets a condition."""
    return tuple(status for status, row in PRODUCT_STATUSES.items() if meets(row))


PRODUCT_STEPS = tuple((source, target) for source, row in PRODUCT_STATUSES.items() for target in row.next)


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


def resume_target(status: Status) -> Status:
    """Tell where a hold leads back to: where the observation was, or where it waited for the work now stopped."""
    return WORKING[status].source if status in WORKING else status


def status_after_timeout(
    *, completes_after: timedelta | None, end: datetime, since: datetime, now: datetime
) -> Status | None:
    """Tell what becomes of a running observation of which the data writer says nothing; None while it may.

    `completes_after`: how long after its end it is completing by itself, if its mode does that. `since`: when it
    began to run, again perhaps, if an operator put it back after its end.
    """
    waited = now - max(end, since)
    if completes_after is not None and waited > completes_after:
        return S.COMPLETING
    return S.ERROR_NO_COMPLETING if waited > COMPLETING_TIMEOUT else None
