"""For an observation past its end, the state at the telescope overrides the clock, in every mode."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from atdb_interface.instruments.apertif.modes import IMAGING_COMPLETES_AFTER
from atdb_interface.lifecycle import COMPLETING_TIMEOUT, Status
from atdb_interface.observations import Observation
from atdb_plugins.completing_timeout import ending
from atdb_plugins.hooks.telescope import TelescopeState, TelescopeTask

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("mode", "state", "after", "becomes"),
    [
        ("imaging", "failed", IMAGING_COMPLETES_AFTER - SECOND, None),
        ("imaging", "failed", IMAGING_COMPLETES_AFTER + SECOND, Status.ERROR_NO_COMPLETING),
        ("arts_sc1_timing", "failed", IMAGING_COMPLETES_AFTER + SECOND, Status.ERROR_NO_COMPLETING),
        ("arts_sc1_timing", "observing", IMAGING_COMPLETES_AFTER + SECOND, None),
        ("arts_sc1_timing", "observing", COMPLETING_TIMEOUT + SECOND, Status.ERROR_NO_COMPLETING),
        ("imaging", "observing", IMAGING_COMPLETES_AFTER + SECOND, None),
        ("imaging", "finished", IMAGING_COMPLETES_AFTER + SECOND, Status.COMPLETING),
        ("arts_sc1_timing", None, IMAGING_COMPLETES_AFTER + SECOND, None),
        ("arts_sc1_timing", None, COMPLETING_TIMEOUT + SECOND, Status.ERROR_NO_COMPLETING),
    ],
)
def test_the_telescopes_word_ends_a_wait_that_makes_no_sense(
    observe: Callable[..., Observation], mode: str, state: str | None, after: timedelta, becomes: Status | None
) -> None:
    running = observe(Status.RUNNING, observing_mode=mode)
    telescope_task = TelescopeTask(state=TelescopeState(state), problem="disk full") if state else None
    end = ending(running, telescope_task, max(running.endtime, running.status_since) + after)
    assert (end and end[0]) == becomes
    if state == "failed" and end:
        assert "disk full" in end[1]
