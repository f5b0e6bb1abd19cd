"""The plot of observations over time, with one lane per data host and the failures below."""

from dataclasses import dataclass
from datetime import timedelta

from atdb_api.gui.night_report.axis import Tick, TimeAxis, when
from atdb_api.gui.status_groups import group_of
from atdb_interface.lifecycle import Group, Status
from atdb_interface.night_reports import NightReport, ObservedRow

#: More lanes would not be readable; the table has all observations.
MOST_LANES = 12
_LANE, _FOOT, _STEP = 38, 22, timedelta(hours=3)
#: What the colours mean in this plot.
_LEGEND = {
    Group.DONE: "archived or removed",
    Group.WORKING: "in progress",
    Group.WAITING: "waiting",
    Group.ATTENTION: "needs attention",
    Group.ENDED: Status.ABORTED,
}


@dataclass(frozen=True)
class TimelineBar:
    """An observation. `left` and `width` in percent; `group`: the key of its colour."""

    left: float
    width: float
    group: str
    title: str


@dataclass(frozen=True)
class Lane:
    """The observations of a data host. `top` in pixels."""

    name: str
    top: int
    bars: list[TimelineBar]


@dataclass(frozen=True)
class Timeline:
    """All that the plot shows. Heights in pixels; `failures`: the place and title of each, in percent."""

    lanes: list[Lane]
    failures: list[tuple[float, str]]
    failures_top: int
    ticks: list[Tick]
    height: int
    more_hosts: int

    @property
    def legend(self) -> list[tuple[str, str]]:
        """Return the keys of the colours that are used, and what each means."""
        used = {bar.group for lane in self.lanes for bar in lane.bars}
        return [(group.key, meaning) for group, meaning in _LEGEND.items() if group.key in used]

    @property
    def foot(self) -> int:
        """Return where the labels of the axis are, in pixels."""
        return self.height - 6


def of(report: NightReport) -> Timeline | None:
    """Return the plot of the observations and failures of a night; None if there are none."""
    if not (report.observed or report.failures):
        return None
    axis = TimeAxis(report.begins, report.ends)
    hosts = sorted({each.data_host for each in report.observed})
    lanes = [Lane(host, _LANE * number, []) for number, host in enumerate(hosts[:MOST_LANES])]
    of_host = {lane.name: lane for lane in lanes}
    for each in report.observed:
        if each.data_host in of_host:
            of_host[each.data_host].bars.append(_bar(axis, report, each))
    failures = [
        (axis.percent(each.at), f"{each.taskID} {each.failed_status}, {when(each.at, report)}")
        for each in report.failures
    ]
    top = _LANE * len(lanes)
    return Timeline(
        lanes=lanes,
        failures=failures,
        failures_top=top,
        ticks=axis.ticks(_STEP, lambda at: at.strftime("%H:%M")),
        height=top + (_LANE if failures else 0) + _FOOT,
        more_hosts=max(0, len(hosts) - MOST_LANES),
    )


def _bar(axis: TimeAxis, report: NightReport, each: ObservedRow) -> TimelineBar:
    until = each.completed_at or axis.ends
    left, width = axis.stretch(each.started_at, until)
    end = when(each.completed_at, report) if each.completed_at else "not completed"
    title = f"{each.taskID} {each.name[:80]}, {when(each.started_at, report)} to {end}, {each.status}"
    return TimelineBar(left, width, group_of(each.status).key, title)
