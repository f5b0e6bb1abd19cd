"""A time axis. Places are percentages of its length, so that a plot fits any width without a script."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from atdb_interface.night_reports import NightReport

#: Narrower than this, a mark cannot be seen on a phone.
NARROWEST_PERCENT = 0.8


def when(at: datetime, report: NightReport) -> str:
    """Format the time of day. If the time is outside the night, add the day."""
    return at.strftime("%H:%M" if report.begins <= at < report.ends else "%m-%d %H:%M")


@dataclass(frozen=True)
class Tick:
    """A label of an axis. `anchor`: the end of the label at its place, as SVG's `text-anchor`."""

    percent: float
    label: str
    anchor: str


@dataclass(frozen=True)
class TimeAxis:
    """The time from `begins` to `ends`."""

    begins: datetime
    ends: datetime

    def percent(self, at: datetime) -> float:
        """Return the place of a time; the nearest end if it is outside."""
        return round(min(100.0, max(0.0, 100 * ((at - self.begins) / (self.ends - self.begins)))), 2)

    def stretch(self, since: datetime, until: datetime) -> tuple[float, float]:
        """Return the place and the width of a period. The width is always large enough to be visible."""
        left = min(self.percent(since), 100 - NARROWEST_PERCENT)
        return left, round(max(self.percent(until) - left, NARROWEST_PERCENT), 2)

    def ticks(self, step: timedelta, write: Callable[[datetime], str]) -> list[Tick]:
        """Return the labels at whole steps of UTC."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        at = epoch + -(-(self.begins - epoch) // step) * step
        ticks = []
        while at <= self.ends:
            place = self.percent(at)
            anchor = "start" if place < 4 else "end" if place > 96 else "middle"
            ticks.append(Tick(place, write(at), anchor))
            at += step
        return ticks
