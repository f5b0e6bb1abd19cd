"""Create, change and delete observations."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from atdb_api.config import SpecificationRules
from atdb_api.models import Observation, TaskDay, Transition
from atdb_api.search import columns
from atdb_api.services import changes, derived_products, history, locks, specification_checks, transitions
from atdb_api.services.authority import Authority
from atdb_interface.actions import Action
from atdb_interface.errors import BadRequest, Conflict, Duplicate, NotFound
from atdb_interface.instruments import instrument
from atdb_interface.lifecycle import BEFORE_START, SPECIFY, Status
from atdb_interface.observations import NewObservation, ObservationChange

#: The fields that say where the data of an observation are.
_PLACES = frozenset({"data_location", "node", "irods_collection"})
#: An observation that has had only these statuses has no data, also if an operator has forced them.
_NEVER_STARTED = (*BEFORE_START, Status.ON_HOLD, Status.ABORTED)


def create(session: Session, new: NewObservation, *, actor: str, rules: SpecificationRules) -> Observation:
    """Create an observation from its specification, with the next taskID of the day on which it starts.

    The row of the day is locked until the transaction ends. So numbers follow the order of submission and have no
    gaps. A warning of the checks becomes the reason of the first status. Raises the errors of
    `specification_checks.check_new`, and Duplicate if an observation has the same mode, field and start.
    """
    task_id = _next_task_id(session, new.starttime.date())
    _refuse_duplicate(session, new.observing_mode, new.field_name, new.starttime)
    warning = specification_checks.check_new(session, new, rules)
    now = datetime.now(UTC)
    values = columns.observation_values(new.model_dump())
    values["name"] = new.name or new.field_name
    values["data_location"] = new.data_location or f"{instrument().mode(new.observing_mode).data_host}:/data"
    observation = Observation(task_id=task_id, created_at=now, created_by=actor, **values)
    session.add(observation)
    history.begin(session, observation, Authority.of_account(actor), now, reason=warning)
    session.flush()
    session.refresh(observation)
    return observation


def lock(session: Session, observation_id: int) -> Observation:
    """Return an observation by its id, locked until the transaction ends. Raises NotFound."""
    return locks.lock_observation(session, get(session, observation_id).task_id)


def change(
    session: Session,
    observation: Observation,
    change: ObservationChange,
    *,
    actor: str,
    rules: SpecificationRules,
    keeps_data: bool = False,
) -> bool:
    """Change some fields of a locked observation, and its status if the change names one or an action.

    `keeps_data`: refuse to change which data products there are, and where, once the observation is specified.
    Return whether anything changed. A refused change changes nothing, because all is checked first. A warning of
    the checks is added to the reason. Raises BadRequest, Conflict, Duplicate, ForbiddenMove, NotOwner and NotYet.
    """
    values = _checked_values(session, observation, change)
    fields = changes.difference(observation, values, columns.OBSERVATION_FIELDS.names)
    if change.action is not None:
        target: Status | None = transitions.target_of_action(observation, change.action)
    else:
        target = change.new_status if change.new_status is not observation.status else None
    authority = Authority.of_action(actor) if change.action else Authority.of_account(actor)
    authority = authority.forced_if(change.force)
    needs_time = not change.force and specification_checks.needs_its_time_again(observation, target)
    if target is not None and (fields or needs_time):  # otherwise `move` is the first to change anything
        transitions.check(session, observation, target, authority)
    changed = {name: value for name, value in values.items() if getattr(observation, name) != value}
    warning = specification_checks.check_edit(
        session, observation, changed, rules, target=target if needs_time else None
    )
    reason = "\n".join(filter(None, (change.reason, warning)))
    following = derived_products.plan(session, observation, changed)
    if keeps_data:
        _refuse_places(observation, changed.keys(), following)
    if {"starttime", "endtime"} & fields.keys():
        observation.end_claim()
    for name, value in values.items():
        setattr(observation, name, value)
    if fields:
        changes.record(session, "edited", actor=actor, task_id=observation.task_id, fields=fields, reason=reason)
    following.carry_out(session, actor=actor, reason=change.reason)
    if target is not None:
        transitions.move(session, observation, target, authority, action=change.action, reason=reason)
    return bool(fields) or target is not None


def move(
    session: Session,
    observation: Observation,
    target: Status,
    authority: Authority,
    *,
    rules: SpecificationRules,
    expect: Collection[Status] | None = None,
    reason: str = "",
) -> None:
    """Move a locked observation as `transitions.move` does.

    Raises Conflict if it would wait for its start again, and another observation has taken its time.
    """
    if not authority.may_force and specification_checks.needs_its_time_again(observation, target):
        transitions.check(session, observation, target, authority, expect=expect)
        warning = specification_checks.check_edit(session, observation, {}, rules, target=target)
        reason = "\n".join(filter(None, (reason, warning)))
    transitions.move(session, observation, target, authority, expect=expect, reason=reason)


def delete(session: Session, observation: Observation, *, actor: str) -> None:
    """Delete a locked observation that was never started; its history stays. Raises Conflict."""
    started = session.scalar(
        select(Transition.id)
        .where(Transition.task_id == observation.task_id, Transition.status.not_in(_NEVER_STARTED))
        .limit(1)
    )
    if started:
        raise Conflict(
            f"Cannot delete {observation.task_id} because it has been started. "
            "Only observations that were never started can be deleted.",
            my_status=observation.status,
        )
    changes.record_deletion(session, observation, columns.OBSERVATION_FIELDS.values(observation), actor=actor)
    session.delete(observation)


def get(session: Session, observation_id: int) -> Observation:
    """Return an observation by its id. Raises NotFound."""
    observation = session.get(Observation, observation_id)
    if observation is None:
        raise NotFound(f"There is no observation with id {observation_id}.")
    return observation


def _checked_values(session: Session, observation: Observation, change: ObservationChange) -> dict[str, Any]:
    """Return the values that a change sets, by column; raise the errors of `change`."""
    given = change.model_dump(exclude_unset=True, exclude={"new_status", "action", "reason", "force"})
    for name, value in given.items():
        if value is None and not columns.OBSERVATION_FIELDS.columns[name].property.columns[0].nullable:
            raise BadRequest(f"{name}: cannot be empty", errors=[{"field": name, "message": "cannot be empty"}])
    values = columns.observation_values(given)
    start = values.get("start_time", observation.start_time)
    end = values.get("end_time", observation.end_time)
    if (start, end) != (observation.start_time, observation.end_time):
        _refuse_times(observation, start, end)
    field_name = values.get("field_name", observation.field_name)
    if (start, field_name) != (observation.start_time, observation.field_name):
        _refuse_duplicate(session, observation.observing_mode, field_name, start)
    return values


def _next_task_id(session: Session, day: date) -> str:
    count = insert(TaskDay).values(day=day, last_number=1)
    number = session.execute(
        count.on_conflict_do_update(
            index_elements=[TaskDay.day], set_={"last_number": TaskDay.last_number + 1}
        ).returning(TaskDay.last_number)
    ).scalar_one()
    return instrument().task_ids.write(day, number)


def _refuse_duplicate(session: Session, observing_mode: str, field_name: str, start: datetime) -> None:
    task_id = session.scalar(
        select(Observation.task_id).where(
            Observation.observing_mode == observing_mode,
            Observation.field_name == field_name,
            Observation.start_time == start,
            Observation.status != Status.ABORTED,
        )
    )
    if task_id is not None:
        raise Duplicate(
            f"Observation {task_id} has the same mode, field and start. "
            f"Change one of these, or abort {task_id} first.",
            taskID=task_id,
        )


def _refuse_places(
    observation: Observation, names: Collection[str], following: derived_products.Following
) -> None:
    if (observation.held_from or observation.status) is SPECIFY.source:
        return
    if not (_PLACES.intersection(names) or following.changes_products):
        return
    raise Conflict(
        f"Cannot change which data products {observation.task_id} has, or where, because it is "
        f"{observation.status}. Withdraw it with the action {Action.CANCEL} and specify a new one, or ask an "
        "operator.",
        my_status=observation.status,
    )


def _refuse_times(observation: Observation, start: datetime, end: datetime) -> None:
    if end <= start:
        message = "the end is not after the start"
        raise BadRequest(f"endtime: {message}", errors=[{"field": "endtime", "message": message}])
    if (observation.held_from or observation.status) not in BEFORE_START:
        raise Conflict(
            f"Cannot change the times of {observation.task_id} because it is {observation.status}. "
            "Times can change only before the start.",
            my_status=observation.status,
        )
