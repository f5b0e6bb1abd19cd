"""The summary at the top of a night report."""

from collections.abc import Iterator

from atdb_api.gui.formats import moment, size, span
from atdb_api.gui.night_report.failures import failure_groups, unresolved
from atdb_interface.lifecycle import STATUSES, Group
from atdb_interface.night_reports import NightReport
from atdb_interface.quantities import count_of


def sentences(report: NightReport) -> list[tuple[Group, str]]:
    """Return the main figures, each with the status group of its colour."""
    return list(_sentences(report))


def _sentences(report: NightReport) -> Iterator[tuple[Group, str]]:
    if report.observed_count:
        yield Group.DONE, f"{count_of(report.observed_count, 'observation')}, {size(report.observed_bytes)}"
    else:
        yield Group.ENDED, "Nothing was observed"
    yield _failures(report)
    if archived := sum(host.archived_bytes for host in report.data_hosts):
        yield Group.DONE, f"{size(archived)} archived"
    needing = [group for group in report.waiting if STATUSES[group.status].group is Group.ATTENTION]
    if needing:
        number, longest = sum(group.count for group in needing), max(group.longest_seconds for group in needing)
        verb = "waits" if number == 1 else "wait"
        yield Group.ATTENTION, f"{number} {verb} for an operator, the longest for {span(longest)}"
    filling = sorted((disk.full_at, disk.data_host) for disk in report.disks if disk.full_at)
    for at, host in filling[:1]:
        others = f", {count_of(len(filling) - 1, 'more disk')} within 14 days" if len(filling) > 1 else ""
        yield Group.ATTENTION, f"{host} is expected to be full on {moment(at)}{others}"


def _failures(report: NightReport) -> tuple[Group, str]:
    if not report.failures_count:
        return Group.DONE, "no failures"
    left, causes = len(unresolved(report.failures)), len(failure_groups(report.failures))
    failures = f"{count_of(report.failures_count, 'failure')} ({count_of(causes, 'cause')})"
    if not left:
        return Group.DONE, f"{failures}, all resolved"
    return Group.ATTENTION, f"{failures}, {count_of(left, 'observation')} unresolved"
