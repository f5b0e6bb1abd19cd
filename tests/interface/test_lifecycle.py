"""The lifecycle agrees with the description of the domain."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from atdb_interface.lifecycle import STAGES, STEPS, WORKING, Actor, Status, allowed_next, status_after_timeout

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
