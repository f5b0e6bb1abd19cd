"""The lifecycle agrees with the description of the domain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from atdb_interface.expected_durations import status_after_timeout
from atdb_interface.lifecycle import (
    STAGES,
    STATUSES,
    STEPS,
    USE_THE_TELESCOPE,
    WORKING,
    Action,
    Actor,
    Group,
    Phase,
    Status,
    StatusRow,
    allowed_next,
    contradictions,
)
from atdb_interface.product_lifecycle import product_statuses

END = datetime(2019, 4, 8, 15, tzinfo=UTC)
BEGAN = END - timedelta(hours=1)
SECOND = timedelta(seconds=1)

NORMAL_ROUTE = (
    "defined", "scheduled", "starting", "running", "completing", "checking", "valid", "ingesting", "archived",
    "removing", "removed",
)  # fmt: skip


def test_the_normal_way_leads_from_defined_to_removed() -> None:
    steps = {(step.source, step.target): step.actor for step in STEPS}
    actors = [steps[Status(source), Status(target)] for source, target in pairwise(NORMAL_ROUTE)]
    assert actors == [
        Actor.SPECIFY,
        *[Actor.OBSERVE] * 2,
        Actor.TELESCOPE,
        *[Actor.VALIDATE] * 2,
        *[Actor.INGEST] * 2,
        *[Actor.REMOVE] * 2,
    ]


def test_every_step_is_written_once() -> None:
    steps = [(step.source, step.target) for step in STEPS]
    assert len(set(steps)) == len(steps)


def test_the_observations_that_use_the_telescope_are_planned_or_there() -> None:
    assert USE_THE_TELESCOPE == ("defined", "scheduled", "starting", "running")


def test_the_tables_do_not_contradict_themselves() -> None:
    assert list(contradictions(STATUSES, STAGES)) == []


@pytest.mark.parametrize(
    ("status", "changes", "problem"),
    [
        (Status.VALID, {"group": Group.WORKING}, "valid: a status is in Group.WORKING if"),
        (Status.CHECKING, {"group": Group.WAITING}, "checking: a status is in Group.WORKING if"),
        (Status.RUNNING, {"phase": Phase.OBSERVED}, "running: a status is in Group.WORKING if"),
        (Status.INCOMPLETE, {"group": Group.WAITING}, "incomplete: only a status in Group.ATTENTION"),
        (Status.ARCHIVED, {"actions": {Action.CHECK: Status.ARCHIVED}}, "archived: a step or an action"),
        (Status.VALID, {"steps": {Status.VALID: Actor.INGEST}}, "valid: a step or an action"),
        (Status.ON_HOLD, {"holdable": True}, "on hold: a step or an action"),
        (
            Status.COMPLETED,
            {"actions": {}, "holdable": False, "cancellable": False},
            "completed: a status in Group.ATTENTION needs",
        ),
    ],
)
def test_a_row_that_contradicts_itself_is_found(status: Status, changes: dict[str, Any], problem: str) -> None:
    rows = {**STATUSES, status: replace(STATUSES[status], **changes)}
    (found,) = contradictions(rows, STAGES)
    assert found.startswith(problem)


def test_a_status_without_a_row_is_found() -> None:
    rows: dict[Status, StatusRow] = {**STATUSES}
    del rows[Status.INCOMPLETE]
    assert list(contradictions(rows, STAGES)) == ["incomplete: this member of Status has no row in STATUSES."]


def test_a_stage_whose_working_status_is_in_another_group_is_found() -> None:
    stage = replace(WORKING[Status.INGESTING], working=Status.VALID)
    others = [each for each in STAGES if each.actor is not stage.actor]
    problems = [*contradictions(STATUSES, [*others, stage])]
    assert [problem.partition(":")[0] for problem in problems] == ["valid", "ingesting"]


def test_each_working_status_has_exactly_one_stage() -> None:
    working = [stage.working for stage in STAGES if stage.working]
    assert sorted(working) == sorted(set(working)) == ["checking", "ingesting", "removing", "starting"]
    assert {status: stage.actor for status, stage in WORKING.items()} == {
        "starting": Actor.OBSERVE,
        "checking": Actor.VALIDATE,
        "ingesting": Actor.INGEST,
        "removing": Actor.REMOVE,
    }


def test_a_stage_can_enter_its_working_status_and_leave_it_on_its_error() -> None:
    for stage in WORKING.values():
        assert stage.working in allowed_next(stage.source)
        assert stage.error in allowed_next(stage.working)


def test_the_telescope_is_never_started_twice() -> None:
    assert {stage.actor for stage in STAGES if stage.resumable} == {Actor.VALIDATE, Actor.INGEST, Actor.REMOVE}


def test_what_is_removed_or_aborted_stays_so() -> None:
    assert not allowed_next(Status.REMOVED)
    assert not allowed_next(Status.ABORTED)


def test_an_ingest_copies_what_is_on_the_data_host_or_on_its_way() -> None:
    copied = product_statuses(lambda row: row.to_archive)
    assert {*copied} == {"valid", "ingesting", "archived", "ingest error"}


def test_an_admin_can_force_the_deletion_of_data_that_are_not_being_copied() -> None:
    deleted = product_statuses(lambda row: row.removal_forcible)
    assert {*deleted} == {"valid", "invalid", "archived", "ingest error"}


@pytest.mark.parametrize("since", [BEGAN, END + timedelta(hours=2)], ids=["ran to its end", "put back after it"])
@pytest.mark.parametrize(
    ("completes_after", "limit", "becomes"),
    [
        (timedelta(minutes=1), timedelta(minutes=1), Status.COMPLETING),
        (None, timedelta(minutes=15), Status.ERROR_NO_COMPLETING),
    ],
)
def test_the_data_writer_has_its_time_and_then_the_timeout_fallback_decides(
    completes_after: timedelta | None, limit: timedelta, becomes: Status, since: datetime
) -> None:
    due = max(END, since) + limit
    at = partial(status_after_timeout, completes_after=completes_after, end=END, since=since)
    assert at(now=END - SECOND) is None
    assert at(now=due) is None
    assert at(now=due + SECOND) is becomes
    assert at(now=due + timedelta(days=9)) is becomes
