"""Lay out the statuses of an observation as pieces of a bar.

A wider piece lasted longer, but the widths are not in proportion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from atdb_api.reads.status_periods import StatusPeriod

#: A status of a second must be visible beside one of a week, so widths are not to scale.
_COMPRESSION = 0.35
_NARROWEST_PERCENT = 1.5


@dataclass(frozen=True)
class Piece:
    """The drawing of a period. `left` and `width` in percent of the bar."""

    period: StatusPeriod
    left: float
    width: float


def timeline(periods: Sequence[StatusPeriod]) -> list[Piece]:
    """Lay out the periods of a history."""
    if not periods:
        return []
    weights = [period.length.total_seconds() ** _COMPRESSION for period in periods]
    to_share = 100 - _NARROWEST_PERCENT * len(periods)
    if to_share < 0:
        weights, to_share = [0.0] * len(periods), 0
    total = sum(weights)
    narrowest = _NARROWEST_PERCENT if total and to_share else 100 / len(periods)
    pieces, left = [], 0.0
    for period, weight in zip(periods, weights, strict=True):
        width = narrowest + (to_share * weight / total if total else 0)
        pieces.append(Piece(period, round(left, 2), round(width, 2)))
        left += width
    return pieces
