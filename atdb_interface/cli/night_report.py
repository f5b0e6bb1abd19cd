"""The report of a night as text for a terminal: the command `atdb report`."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator

from atdb_interface.cli.run import say
from atdb_interface.client import Client
from atdb_interface.errors import NotFound
from atdb_interface.fields import write_time
from atdb_interface.night_reports import DiskRow, NightReport
from atdb_interface.reasons import without_code

#: The maximum number of failures to list. The page of the report has all.
MOST_LINES = 30


def show(client: Client, arguments: Namespace) -> None:
    """Show the report of a night, by default the newest."""
    night = arguments.night or next((each.night for each in client.night_reports(page_size=1)), None)
    if night is None:
        raise NotFound("no night report has been stored")
    for line in lines(client.night_report(night)):
        say(line)


def lines(report: NightReport) -> Iterator[str]:
    """Yield the lines of a report. Empty lists have no lines."""
    yield f"night of {report.night}: {write_time(report.begins)} to {write_time(report.ends)}"
    yield f"observed  {report.observed_count}, {_size(report.observed_bytes)}"
    yield f"failures  {report.failures_count}"
    for each in report.failures[:MOST_LINES]:
        outcome = "unresolved" if each.status is each.failed_status else f"now {each.status}"
        reason = without_code(each.reason)
        yield f"  {write_time(each.at)}  {each.taskID}  {each.failed_status} ({outcome})  {reason}"
    if report.failures_count > MOST_LINES:
        yield f"  and {report.failures_count - min(MOST_LINES, len(report.failures))} more"
    waiting = Counter({str(group.status): group.count for group in report.waiting})
    yield f"waiting   {', '.join(f'{number} {status}' for status, number in waiting.items()) or 'none'}"
    for row in report.longest_waiting:
        yield f"  since {write_time(row.since)}  {row.taskID}  {row.status}  {row.name}"
    for host in report.data_hosts:
        yield (
            f"data      {host.data_host}: {_size(host.validated_bytes)} validated, "
            f"{_size(host.archived_bytes)} archived, {_size(host.removed_bytes)} removed"
        )
    for disk in report.disks:
        yield f"disk      {disk.data_host}: {_forecast(disk)}"


def _forecast(disk: DiskRow) -> str:
    free = "free space not reported" if disk.free_bytes is None else f"{_size(disk.free_bytes)} free"
    if disk.full_at:
        return f"{free}, full on {write_time(disk.full_at)}"
    return free if disk.free_bytes is None else f"{free}, not full within 14 days"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:,.1f} GB"
