"""What an account may do to one observation: its capabilities, whose observation it is, and its status decide.

What an account cannot do is returned as the error to raise. Pages offer only what is not refused. Whether the
lifecycle allows a change is checked elsewhere.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from sqlalchemy.orm import Session

from atdb_api.services import locks
from atdb_interface.actions import ACTIONS, Action
from atdb_interface.errors import AtdbError, Conflict, Forbidden, ForbiddenMove
from atdb_interface.lifecycle import AT_THE_TELESCOPE, BEFORE_START, Status, allowed_next
from atdb_interface.observations import ObservationChange
from atdb_interface.roles import Capability
from atdb_interface.status_kinds import OF_STAGES, REPORTED, STOPS

#: The statuses in which a program that only adds products may do so: the telescope has the observation, or has
#: just reported its end.
_WRITTEN = frozenset({*AT_THE_TELESCOPE, *(target for _, target in REPORTED)})
#: The fields of a change that do not edit the specification.
_NO_FIELDS = {"new_status", "action", "reason", "force"}
_REPORTS = frozenset(target for _, target in REPORTED)


class ActingAccount(Protocol):
    """The account that asks."""

    @property
    def account(self) -> str:
        """Return its name."""

    def may(self, needs: Capability, /) -> bool:
        """Return whether it has one of these capabilities."""


class OwnedObservation(Protocol):
    """The observation that it asks about."""

    @property
    def task_id(self) -> str:
        """Return its taskID."""

    @property
    def created_by(self) -> str | None:
        """Return the account that has created it."""

    @property
    def status(self) -> Status:
        """Return its status."""

    @property
    def held_from(self) -> Status | None:
        """Return the status before the hold."""


def require(refusal: AtdbError | None) -> None:
    """Raise a refusal, if there is one."""
    if refusal is not None:
        raise refusal


def require_change(account: ActingAccount, observation: OwnedObservation, change: ObservationChange) -> None:
    """Raise Forbidden or Conflict unless an account may make a change of an observation, which must be locked."""
    if change.model_fields_set - _NO_FIELDS:
        require(edit_refusal(account, observation))
    if change.action is not None:
        require(action_refusal(account, observation, change.action))
    if change.new_status is not None:
        require(move_refusal(account, observation, change.new_status))


def require_additions(session: Session, account: ActingAccount, task_ids: Collection[str]) -> None:
    """Raise Conflict or NotFound unless an account may add data products to observations, and lock these."""
    for task_id in sorted(task_ids):
        require(addition_refusal(account, locks.lock_observation(session, task_id)))


def edit_refusal(account: ActingAccount, observation: OwnedObservation) -> AtdbError | None:
    """Return why an account cannot edit the specification of an observation."""
    if account.may(Capability.OPERATE):
        return None
    if account.may(Capability.SPECIFY):
        return _own_refusal(account, observation)
    return Forbidden(
        f"{account.account} cannot edit observations. Log in as the astronomer of {observation.task_id}, or ask "
        "an operator."
    )


def action_refusal(account: ActingAccount, observation: OwnedObservation, action: Action) -> AtdbError | None:
    """Return why an account cannot do an action to an observation."""
    if not account.may(ACTIONS[action].needs):
        return Forbidden(f"Only operators can {action} {observation.task_id}. Ask an operator.")
    return None if account.may(Capability.OPERATE) else _own_refusal(account, observation)


def move_refusal(account: ActingAccount, observation: OwnedObservation, target: Status) -> AtdbError | None:
    """Return why an account cannot move an observation to a status."""
    if account.may(Capability.OPERATE):
        return None
    refusals = [rule(account, observation, target) for needs, rule in _RULES.items() if account.may(needs)]
    if not refusals:
        return Forbidden(f"{account.account} cannot move observations. Ask an operator.")
    return refusals[0] if all(refusals) else None


def addition_refusal(account: ActingAccount, observation: OwnedObservation) -> AtdbError | None:
    """Return why an account cannot add data products to an observation."""
    if account.may(Capability.WORK) or observation.status in _WRITTEN:
        return None
    return Conflict(
        f"{account.account} cannot add data products to {observation.task_id} because it is {observation.status}. "
        f"The telescope adds them while it is {_listed(_WRITTEN)}. Ask an operator to add others.",
        my_status=observation.status,
    )


def _own_refusal(account: ActingAccount, observation: OwnedObservation) -> AtdbError | None:
    """Return why an astronomer cannot change an observation: it belongs to another, or is past its start."""
    task_id = observation.task_id
    if observation.created_by != account.account:
        owner = observation.created_by or "another account"
        return Forbidden(
            f"Observation {task_id} belongs to {owner}, so {account.account} cannot change it. Ask {owner} or an "
            "operator."
        )
    if (observation.held_from or observation.status) not in BEFORE_START:
        return Conflict(
            f"{account.account} cannot change {task_id} because it is {observation.status}. Astronomers change "
            "and withdraw their observations before the start. Ask an operator.",
            my_status=observation.status,
        )
    return None


def _withdrawal(account: ActingAccount, observation: OwnedObservation, target: Status) -> AtdbError | None:
    if target is Status.ABORTED:
        return _own_refusal(account, observation)
    return Forbidden(
        f"{account.account} cannot move {observation.task_id} to {target}. Astronomers only withdraw "
        f"observations: use the action {Action.CANCEL}. For anything else, ask an operator."
    )


def _report(account: ActingAccount, observation: OwnedObservation, target: Status) -> AtdbError | None:
    if target not in _REPORTS:
        return Forbidden(
            f"{account.account} cannot move {observation.task_id} to {target}. The telescope reports only "
            f"{_listed(_REPORTS)}. Ask an operator."
        )
    if target is observation.status or (observation.status, target) in REPORTED:
        return None
    return _not_now(account, observation, target)


def _step(account: ActingAccount, observation: OwnedObservation, target: Status) -> AtdbError | None:
    if target is observation.status:
        return None
    if target in STOPS:
        return Forbidden(
            f"{account.account} cannot move {observation.task_id} to {target}. Only operators and its astronomer "
            "stop an observation. Ask an operator."
        )
    possible = allowed_next(observation.status, observation.held_from)
    if target not in possible or (observation.status, target) in OF_STAGES:
        return None  # the lifecycle decides
    return _not_now(account, observation, target)


def _not_now(account: ActingAccount, observation: OwnedObservation, target: Status) -> AtdbError:
    return ForbiddenMove(
        f"{account.account} cannot move {observation.task_id} from {observation.status} to {target}: this is the "
        "decision of an operator.",
        my_status=observation.status,
        allowed=[],
    )


_RULES: Mapping[Capability, Callable[[ActingAccount, OwnedObservation, Status], AtdbError | None]] = {
    Capability.WORK: _step,
    Capability.REPORT: _report,
    Capability.SPECIFY: _withdrawal,
}


def _listed(statuses: frozenset[Status]) -> str:
    return " or ".join(status for status in Status if status in statuses)
