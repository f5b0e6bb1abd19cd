"""Check that the telescope can make an observation as specified: its options, its times, and its instrument.

An edit is refused only for what it makes wrong: what an earlier version accepted can be corrected one by one.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from atdb_api.config import Overlaps, SpecificationRules
from atdb_api.models import Observation
from atdb_api.services.specifications import specification
from atdb_interface.errors import BadRequest, Conflict
from atdb_interface.instruments import instrument
from atdb_interface.instruments.interface import Problem
from atdb_interface.lifecycle import BEFORE_START, START_TOLERANCE, USE_THE_TELESCOPE, Status
from atdb_interface.observations import NewObservation
from atdb_interface.observations import Observation as ObservationModel

#: A later start is more likely a mistake.
LATEST_START = timedelta(days=2 * 365)
#: A longer observation is more likely a mistake, and would take the telescope from all others.
LONGEST = timedelta(days=7)
_TIMES = frozenset({"start_time", "end_time"})
_LOCK = "times of observations"


def check_new(session: Session, new: NewObservation, rules: SpecificationRules) -> str:
    """Check a specification, and return a warning about it, or an empty text.

    Until the transaction ends, no other observation can take its time. Raises BadRequest with all problems, and
    Conflict if another observation needs a dish at the same time.
    """
    _refuse([*_problems(new, rules), *_problems_of_times(new, rules)])
    return _overlap(session, new, None, rules)


def check_edit(
    session: Session,
    observation: Observation,
    values: Mapping[str, Any],
    rules: SpecificationRules,
    *,
    target: Status | None = None,
) -> str:
    """Check an edit of a locked observation as `check_new` does.

    `values`: what changes, by the names of the table. `target`: the status that the observation gets as well.
    """
    needs_time = needs_its_time_again(observation, target)
    if not (values or needs_time):
        return ""
    after = specification(observation, values)
    if values:
        known = list(_problems(specification(observation), rules))
        problems = [problem for problem in _problems(after, rules) if problem not in known]
        if _TIMES & values.keys():
            problems.extend(_problems_of_times(after, rules))
        _refuse(problems)
    is_before = (observation.held_from or observation.status) in BEFORE_START
    if needs_time or (is_before and (_TIMES | {"telescopes"}) & values.keys()):
        return _overlap(session, after, observation.id, rules)
    return ""


def needs_its_time_again(observation: Observation, target: Status | None) -> bool:
    """Return whether an observation would wait for its start again: another may have taken its time."""
    present = observation.held_from or observation.status
    return target in BEFORE_START and target in USE_THE_TELESCOPE and present not in USE_THE_TELESCOPE


def _problems(specified: NewObservation | ObservationModel, rules: SpecificationRules) -> Iterator[Problem]:
    yield from instrument().problems(specified)
    known = instrument().options.keys() | (instrument().other_options if rules.options is None else rules.options)
    for name in specified.options:
        if name not in known:
            yield f"options.{name}", f"ATDB does not know this option{_meant(name, known)}"


def _meant(name: str, options: frozenset[str] | set[str]) -> str:
    """Return a question for the name that was probably meant, or the options that there are."""
    fields = NewObservation.model_fields.keys() | instrument().field_names.keys()
    if near := get_close_matches(name, sorted(fields | options), n=1):
        return f"; did you mean {near[0]}?"
    return f"; it knows {', '.join(sorted(options)) or 'none'}. A site adds its own with ATDB_OPTIONS"


def _problems_of_times(
    specified: NewObservation | ObservationModel, rules: SpecificationRules
) -> Iterator[Problem]:
    now = datetime.now(UTC)
    if specified.starttime < now - START_TOLERANCE and not rules.accepts_past_starts:
        yield "starttime", f"the start has passed: it is {now:%Y-%m-%d %H:%M} UTC"
    if specified.starttime > now + LATEST_START:
        yield "starttime", f"the start is more than {LATEST_START.days} days from now"
    if specified.endtime is not None and specified.endtime - specified.starttime > LONGEST:
        yield "endtime", f"the end is more than {LONGEST.days} days after the start"


def _overlap(
    session: Session, specified: NewObservation | ObservationModel, own_id: int | None, rules: SpecificationRules
) -> str:
    """Refuse an observation that needs a dish of another one at the same time, or return a warning."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0))))
    at_the_same_time = session.scalars(
        select(Observation)
        .where(
            or_(Observation.status.in_(USE_THE_TELESCOPE), Observation.held_from.in_(USE_THE_TELESCOPE)),
            Observation.start_time < specified.endtime,
            Observation.end_time > specified.starttime,
        )
        .order_by(Observation.start_time, Observation.id)
    )
    for other in at_the_same_time:
        if other.id != own_id and instrument().shares_telescope(specified, specification(other)):
            message = (
                f"Observation {other.task_id} needs a dish of this one from {other.start_time:%Y-%m-%d %H:%M:%S}"
            )
            message = f"{message} to {other.end_time:%H:%M:%S} UTC, at the same time."
            if rules.overlaps is Overlaps.WARN:
                return message
            raise Conflict(
                f"{message} Change the times, use other dishes, or abort {other.task_id}.", taskID=other.task_id
            )
    return ""


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise BadRequest(
            "; ".join(f"{field}: {message}" for field, message in problems),
            errors=[{"field": field, "message": message} for field, message in problems],
        )
