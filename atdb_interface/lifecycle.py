"""The lifecycle: which status can follow which, and who makes each step. The server enforces this table.

This module is plain data and uses the standard library only, so that any program can import it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from types import MappingProxyType


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
    """The actor that makes a step: one of the five stages, the telescope's data writer, or an operator."""

    SPECIFY = "specify"
    OBSERVE = "observe"
    VALIDATE = "validate"
    INGEST = "ingest"
    REMOVE = "remove"
    TELESCOPE = "telescope"
    OPERATOR = "operator"


class Group(StrEnum):
    """The meaning of a status for an operator. Each group has a colour and a shape on the pages."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    ATTENTION = "needs attention"
    ENDED = "ended"

    @property
    def key(self) -> str:
        """Return the name of the group's colour and shape."""
        return "person" if self is Group.ATTENTION else self.value


class Phase(StrEnum):
    """What the telescope has done with an observation."""

    BEFORE = "before"
    AT_THE_TELESCOPE = "at the telescope"
    UNKNOWN = "unknown"
    OBSERVED = "observed"


class Moment(StrEnum):
    """The moment from which the expected duration of a status counts."""

    ENTERED = "entered"
    START = "start"
    END = "end"


class Action(StrEnum):
    """An action that an operator can request for an observation; see `target_of` for the status it leads to."""

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

#: A scheduled observation is available to claim from this long before its start.
START_LEAD = timedelta(minutes=10)
#: The same while another observation is starting or running.
START_LEAD_BUSY = timedelta(minutes=1)
#: A scheduled observation is too late when its start has passed by more than this.
START_TOLERANCE = timedelta(minutes=1)
#: If the data writer has not reported the end of an observation, the telescope is asked this long after the end.
ASK_AFTER = timedelta(minutes=1)
#: If the data writer has not reported the end of an observation, it becomes an error this long after the end.
COMPLETING_TIMEOUT = timedelta(minutes=15)
#: When the leases of this many earlier owners and of the present one have expired on the same work, the work gets
#: the error status of its stage.
MAX_LOST_OWNERS = 3


@dataclass(frozen=True)
class StatusRow:
    """The properties of one status. Everything in the project that depends on a status derives from these rows.

    - `phase`: None if the observation stays in the phase of its previous status.
    - `steps`: the statuses that follow without an operator, and the actor that makes each step.
    - `actions`: for each action with a fixed target, the status to which it leads; `target_of` decides about the
      others. The first action is the usual remedy.
    - `holdable`: no work is in progress, or the work can be stopped and begun again. This is not possible at the
      telescope, because an observation cannot be interrupted.
    - `cancellable`: the observation can still be aborted.
    - `expected`: the longest time in this status, counted from `expected_from`, before the observation is overdue;
      None for no limit.
    - `states`: what the status states about the data: each product has one of these statuses, and at least one
      product is not invalid. ATDB refuses the status otherwise, also if it is forced. None if it states nothing.
    """

    group: Group
    phase: Phase | None
    steps: Mapping[Status, Actor] = field(default_factory=dict)
    actions: Mapping[Action, Status] = field(default_factory=dict)
    holdable: bool = False
    cancellable: bool = False
    expected: timedelta | None = None
    expected_from: Moment = Moment.ENTERED
    states: frozenset[ProductStatus] | None = None


#: No product has yet to be validated.
_VALIDATED = frozenset({P.VALID, P.INVALID, P.INGEST_ERROR, P.INGESTING, P.ARCHIVED, P.REMOVED})
#: The archive holds each product that was valid; or only each of them that is removed as well.
_IN_ARCHIVE = frozenset({P.ARCHIVED, P.REMOVED, P.INVALID})
_ONLY_IN_ARCHIVE = frozenset({P.REMOVED, P.INVALID})

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
    S.VALID: _Row(Group.WAITING, Phase.OBSERVED, {S.INGESTING: A.INGEST}, expected=_DAY, states=_VALIDATED),
    S.COMPLETED: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        actions={_INGEST: S.VALID},
        expected=7 * _DAY,
        states=_VALIDATED,
    ),
    S.INCOMPLETE: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        actions={_RETRY: S.COMPLETING, _INGEST: S.VALID},  # missing data may have arrived since
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
        # The data may have changed since they were archived, so check and ingest validate them again. Check leaves
        # products archived whose data have not changed; ingest copies all of them into the archive again.
        actions={_CHECK: S.COMPLETING, _INGEST: S.COMPLETING},
        cancellable=False,
        expected=7 * _DAY,
        states=_IN_ARCHIVE,
    ),
    S.REMOVING: _Row(
        Group.WORKING,
        Phase.OBSERVED,
        {S.REMOVED: A.REMOVE, S.REMOVE_ERROR: A.REMOVE},
        cancellable=False,
        expected=_DAY,
    ),
    S.REMOVED: StatusRow(Group.DONE, Phase.OBSERVED, states=_ONLY_IN_ARCHIVE),
    S.ERROR_TOO_LATE: _Row(Group.ATTENTION, Phase.BEFORE, actions={_RETRY: S.SCHEDULED}, expected=_DAY),
    S.ERROR_START_OBS: _Row(Group.ATTENTION, Phase.BEFORE, actions={_RETRY: S.SCHEDULED}, expected=_DAY),
    S.ERROR_NO_COMPLETING: _Row(Group.ATTENTION, Phase.UNKNOWN, actions={_RETRY: S.RUNNING}, expected=_DAY),
    S.INGEST_ERROR: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        # The data may have changed since they were validated, so check validates them again. For incomplete, a
        # retry does the same.
        actions={_RETRY: S.VALID, _CHECK: S.COMPLETING, _INGEST: S.VALID},
        cancellable=False,
        expected=_DAY,
    ),
    S.REMOVE_ERROR: _Row(
        Group.ATTENTION,
        Phase.OBSERVED,
        actions={_RETRY: S.ARCHIVED, _CHECK: S.COMPLETING, _INGEST: S.COMPLETING},  # as for archived
        cancellable=False,
        expected=_DAY,
    ),
    S.ON_HOLD: StatusRow(Group.ATTENTION, None, expected=7 * _DAY),
    S.ABORTED: StatusRow(Group.ENDED, None),
})  # fmt: skip


def statuses(meets: Callable[[StatusRow], bool]) -> tuple[Status, ...]:
    """Return the statuses whose row meets a condition, in the order of the lifecycle."""
    return tuple(status for status, row in STATUSES.items() if meets(row))


CANCELLABLE = statuses(lambda row: row.cancellable)
#: The observation is at the telescope.
AT_THE_TELESCOPE = statuses(lambda row: row.phase is Phase.AT_THE_TELESCOPE)
#: The observation has not been sent to the telescope.
BEFORE_START = statuses(lambda row: row.phase is Phase.BEFORE)
#: The observation will use the telescope, or uses it now.
USE_THE_TELESCOPE = statuses(
    lambda row: (
        row.phase in (Phase.BEFORE, Phase.AT_THE_TELESCOPE) and row.group not in (Group.ATTENTION, Group.ENDED)
    )
)
#: The telescope has completed the observation.
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
class Stage:
    """One of the five stages of the pipeline: the status that it waits for, and its working and error statuses.

    `working` belongs to one owner at a time (see leases). `resumable`: another owner can take over the work after
    the lease has expired. For observe it is false, because the telescope must never be started twice.
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


def contradictions(rows: Mapping[Status, StatusRow], stages: Collection[Stage]) -> Iterator[str]:
    """Yield each contradiction in tables of statuses and stages. The import of this module refuses them."""
    in_progress = {stage.working for stage in stages}
    yield from (
        f"{status}: this member of Status has no row in STATUSES." for status in Status if status not in rows
    )
    for status, row in rows.items():
        if (row.group is Group.WORKING) != (status in in_progress or row.phase is Phase.AT_THE_TELESCOPE):
            yield (
                f"{status}: a status is in Group.WORKING if it is the working status of a Stage, or has "
                "Phase.AT_THE_TELESCOPE. Otherwise, it is in another group."
            )
        if Action.RETRY in row.actions and row.group is not Group.ATTENTION:
            yield f"{status}: only a status in Group.ATTENTION has failed and can have Action.RETRY."
        if row.group is Group.ATTENTION and status is not S.ON_HOLD and not (row.steps or _operator_steps(row)):
            yield f"{status}: a status in Group.ATTENTION needs a step or an action that leads to another status."
        if status in (*row.steps, *_operator_steps(row)):
            yield (
                f"{status}: a step or an action leads from this status to itself. A request for the present "
                "status changes nothing, so the history would not contain it, nor its reason."
            )


if _found := [*contradictions(STATUSES, STAGES)]:
    raise ValueError("The tables of the lifecycle contradict themselves.\n" + "\n".join(_found))

#: The stage that owns each working status.
WORKING = MappingProxyType({stage.working: stage for stage in STAGES if stage.working})
_NEXT = MappingProxyType(
    {source: frozenset(step.target for step in STEPS if step.source is source) for source in STATUSES}
)


def allowed_next(status: Status, held_from: Status | None = None) -> frozenset[Status]:
    """Return the statuses that can follow. From `on hold`, these are `held_from` and, if possible, aborted."""
    if status is not S.ON_HOLD:
        return _NEXT.get(status, frozenset())
    if held_from is None:
        return frozenset()
    return frozenset({held_from} | ({S.ABORTED} if held_from in CANCELLABLE else set()))


def resume_target(status: Status) -> Status:
    """Return the status after a hold: the present status, or the source of the stage whose work is stopped."""
    return WORKING[status].source if status in WORKING else status
