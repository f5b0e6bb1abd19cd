"""The history of each observation of the week: all statuses occur, for reasons that operators know."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_interface.lifecycle import Status
from tests.conftest import route_to
from tests.gui.screenshots.week import Planned

S = Status
ARCHIVE_AWAY = "ArchiveUnreachable: The archive did not respond: “timed out”. Check that it is running."
CHECKSUM = (
    "ArchiveWroteOtherBytes: 1 of {count} data products are not in the archive. First failure: {first}: "
    "The archive returned other bytes of {first} than were written. Check the archive."
)
_REMOVAL = (
    "OSError: 3 of {count} data products were not deleted. First failure: {first}: “[Errno 5] Input/output error”"
)
_INVALID = (
    "InvalidDataProducts: 1 of {count} data products are invalid: {first}. Their histories show why. "
    "Retry, or ingest the valid ones."
)
_TOO_LATE = (
    "TooLate: ATDB was ready to send the parset 62 s after the start of the observation. The limit is 60 s. "
    "Set new times, then retry."
)
_REFUSED = (
    "TelescopeRefused: The telescope refused to start the observation: “RT9 does not track (HTTP 503)”. "
    "Check the telescope."
)
_SILENT = (
    "DataWriterSilent: The observation has ended, but the data writer has not reported. "
    "Check the data writer, then retry."
)
_INGEST_OFF = "AutomaticIngestOff: skip_auto_ingest is set. To ingest the data after all, use the action ingest."
_INGEST_BYTES_PER_SECOND, _CHECK_BYTES_PER_SECOND = 400e6, 2e9


@dataclass(frozen=True)
class SampleHistory:
    """The last status and its reason, formatted with the name of the first product and the number of products."""

    status: Status
    reason: str = ""


#: Yesterday's scans, except those that are archived.
_SCANS = {
    **{f"scan {n}": SampleHistory(S.VALID) for n in range(18, 23)},
    **{f"scan {n}": SampleHistory(S.INGEST_ERROR, ARCHIVE_AWAY) for n in range(23, 30)},
    "scan 32": SampleHistory(S.INGEST_ERROR, CHECKSUM),
    "scan 33": SampleHistory(S.INCOMPLETE, _INVALID),
    "scan 34": SampleHistory(S.ABORTED, "thunderstorm: all dishes are parked"),
    "scan 35": SampleHistory(S.ON_HOLD, "the PI looks at the bandpass first"),
    "scan 36": SampleHistory(S.ERROR_TOO_LATE, _TOO_LATE),
    "scan 37": SampleHistory(S.ERROR_START_OBS, _REFUSED),
    "scan 38": SampleHistory(S.ERROR_NO_COMPLETING, _SILENT),
}
_YESTERDAY = {
    "field": SampleHistory(S.INGESTING),
    "search 0": SampleHistory(S.INGESTING),
    "search 1": SampleHistory(S.CHECKING),
    "search 2": SampleHistory(S.COMPLETING),
    "pulsar 2": SampleHistory(S.COMPLETED, _INGEST_OFF),
    **_SCANS,
}
_BEFORE = {
    (-2, "field"): SampleHistory(S.ARCHIVED),
    (-2, "search 0"): SampleHistory(S.REMOVING),
    (-2, "search 1"): SampleHistory(S.REMOVE_ERROR, _REMOVAL),
    (-3, "scan 5"): SampleHistory(S.ABORTED, "wrong pointing, submitted again"),
}


def sample_history_of(each: Planned, now: datetime) -> SampleHistory:
    """Return the history of an observation."""
    if each.start > now:
        if each.day == 0 and each.kind == "search 0":
            return SampleHistory(S.STARTING)
        return SampleHistory(S.DEFINED if each.day > 0 and each.kind.startswith("pulsar") else S.SCHEDULED)
    if each.end > now:
        return SampleHistory(S.RUNNING)
    if each.day == -1:
        return _YESTERDAY.get(each.kind, SampleHistory(S.ARCHIVED))
    is_waiting_for_removal = each.day == -2 and each.kind.startswith("scan")
    return _BEFORE.get((each.day, each.kind), SampleHistory(S.ARCHIVED if is_waiting_for_removal else S.REMOVED))


def route_of(history: SampleHistory) -> list[Status]:
    """Return the statuses that lead to the last one, after `defined`."""
    if history.status is S.ABORTED:
        return [S.SCHEDULED, S.ABORTED]
    if history.status is S.ON_HOLD:
        return [*route_to(S.VALID), S.ON_HOLD]
    return route_to(history.status)


def times_of(each: Planned, history: SampleHistory, now: datetime) -> Iterator[tuple[Status, datetime]]:
    """Yield when the observation entered each of its statuses, in order, and never after now."""
    route = [S.DEFINED, *route_of(history)]
    check = timedelta(seconds=60 + each.total_bytes / _CHECK_BYTES_PER_SECOND)
    ingest = timedelta(seconds=20 + each.total_bytes / _INGEST_BYTES_PER_SECOND)
    valid = each.end + timedelta(seconds=9) + check
    archived = valid + timedelta(seconds=14) + ingest
    removing = archived + timedelta(hours=6)
    made = now if history.status is S.DEFINED else min(each.start, now) - timedelta(days=2, hours=3)
    known = {
        S.DEFINED: made,
        S.SCHEDULED: made + timedelta(seconds=4),
        S.STARTING: each.start - timedelta(minutes=9, seconds=58),
        S.RUNNING: each.start,
        S.COMPLETING: each.end + timedelta(seconds=2),
        S.CHECKING: each.end + timedelta(seconds=9),
        S.VALID: valid,
        S.INGESTING: valid + timedelta(seconds=14),
        S.ARCHIVED: archived,
        S.REMOVING: removing,
        S.REMOVED: removing + check,
        S.INGEST_ERROR: valid + timedelta(minutes=6, seconds=30),
        S.REMOVE_ERROR: removing + timedelta(minutes=2),
        S.INCOMPLETE: valid,
        S.COMPLETED: valid,
        S.ERROR_TOO_LATE: each.start + timedelta(seconds=62),
        S.ERROR_START_OBS: each.start - timedelta(minutes=9, seconds=50),
        S.ERROR_NO_COMPLETING: each.end + timedelta(minutes=15),
        S.ON_HOLD: valid + timedelta(minutes=40),
        S.ABORTED: each.start - timedelta(hours=1),
    }
    for number, status in enumerate(route):
        yield status, min(known[status], now - timedelta(seconds=40) * (len(route) - number))
