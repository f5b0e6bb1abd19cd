"""The progress of work and its remaining time: one rule for pages and explanations."""

from datetime import UTC, datetime, timedelta

import pytest

from atdb_api.services.progress import Progress

BEGAN = datetime(2019, 4, 8, 11, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=1)


@pytest.mark.parametrize(
    ("done", "total", "percent", "left"),
    [
        (None, None, None, None),
        (None, 100, None, None),
        (5, None, None, None),
        (0, 0, None, None),
        (0, 100, 0, None),
        (25, 100, 25, timedelta(hours=3)),
        (999, 1000, 99, timedelta(seconds=3600 / 999)),
        (100, 100, 100, None),
        (120, 100, 100, None),
        (1, 2**53 - 1, 0, None),
    ],
)
def test_the_time_left_is_shown_once_it_can_be_estimated(
    done: int | None, total: int | None, percent: int | None, left: timedelta | None
) -> None:
    progress = Progress(BEGAN, done, total, None)
    assert (progress.percent, progress.left(NOW)) == (percent, left)


def test_work_in_trouble_has_no_estimate_of_the_time_left() -> None:
    progress = Progress(BEGAN, 25, 100, "archive unreachable")
    assert (progress.percent, progress.left(NOW)) == (25, None)
