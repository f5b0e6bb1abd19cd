"""The plot of the free space expected on a disk, and when the disk is full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_api.gui.night_report.axis import Tick, TimeAxis
from atdb_interface.night_reports import FORECAST, DiskRow, NightReport

_STEP = timedelta(days=3)
#: A disk that will be full within the first time needs attention now; within the second, soon.
FULL_NOW, FULL_SOON = timedelta(days=1), timedelta(days=7)
#: The curve is drawn in a square of this side, which the browser stretches.
SIDE = 1000


@dataclass(frozen=True)
class Curve:
    """The drawing of a forecast. `zero` and `full` are in percent.

    `line`, `free` and `lacking` are points of SVG in the square. `free`: the area above zero. `lacking`: the area
    below zero, or nothing.
    """

    line: str
    free: str
    lacking: str
    zero: float
    full: float | None
    top_bytes: int
    ticks: list[Tick]


@dataclass(frozen=True)
class Forecast:
    """A disk. `urgency`: the CSS class of the sentence about when it is full. `curve`: None if unknown."""

    disk: DiskRow
    urgency: str
    curve: Curve | None


def of(report: NightReport) -> list[Forecast]:
    """Draw the forecasts of all disks, in the order in which they will be full."""
    in_order = sorted(report.disks, key=_urgent_first)
    axis = TimeAxis(report.ends, report.ends + FORECAST)
    return [
        Forecast(disk, _urgency(disk, report), _curve(disk, axis) if len(disk.forecast) > 1 else None)
        for disk in in_order
    ]


def _urgent_first(disk: DiskRow) -> tuple[bool, datetime | None, bool, str]:
    return disk.full_at is None, disk.full_at, disk.free_bytes is None, disk.data_host


def _urgency(disk: DiskRow, report: NightReport) -> str:
    if disk.full_at is None:
        return "quiet"
    left = disk.full_at - report.ends
    return "mark mark-person" if left < FULL_NOW else "late" if left < FULL_SOON else "plain"


def _curve(disk: DiskRow, axis: TimeAxis) -> Curve:
    amounts = [point.free_bytes for point in disk.forecast]
    top = max(1, disk.total_bytes or 0, *amounts)
    bottom = max(min(0, *amounts), -top)  # a larger lack is cut off, so that the free space stays visible
    reach = top - bottom
    places = [axis.percent(point.at) * SIDE / 100 for point in disk.forecast]

    def area(of: Sequence[int]) -> str:
        """Return the points of the area between a line and zero."""
        base = top * SIDE / reach
        return f"{places[0]:.1f},{base:.1f} {points(of)} {places[-1]:.1f},{base:.1f}"

    def points(of: Sequence[int]) -> str:
        return " ".join(f"{x:.1f},{(top - y) * SIDE / reach:.1f}" for x, y in zip(places, of, strict=True))

    return Curve(
        line=points(amounts),
        free=area([max(0, amount) for amount in amounts]),
        lacking=area([min(0, amount) for amount in amounts]) if bottom < 0 else "",
        zero=round(100 * top / reach, 2),
        full=axis.percent(disk.full_at) if disk.full_at else None,
        top_bytes=top,
        ticks=axis.ticks(_STEP, lambda at: at.strftime("%m-%d")),
    )
