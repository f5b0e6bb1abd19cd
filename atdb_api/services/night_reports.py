"""The night reports: each is stored once and never changes."""

import json
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from atdb_api.models import StoredReport
from atdb_api.search import filters
from atdb_interface.errors import Conflict, NotFound
from atdb_interface.fields import write_time
from atdb_interface.night_reports import NightReport


def store(session: Session, report: NightReport, *, actor: str) -> tuple[StoredReport, bool]:
    """Store the report of a night, unless the night has one. Return the stored report, and whether it is this one.

    If two requests come at once, the second waits and gets the report of the first. Raises Conflict if the night
    has not ended.
    """
    if report.ends > datetime.now(UTC):
        raise Conflict(
            f"The night of {report.night} ends at {write_time(report.ends)}. Store its report after that time."
        )
    stored = session.scalar(
        insert(StoredReport)
        .values(
            night=report.night,
            made_at=report.made_at,
            actor=actor,
            observed_count=report.observed_count,
            observed_bytes=report.observed_bytes,
            failures_count=report.failures_count,
            archived_bytes=sum(host.archived_bytes for host in report.data_hosts),
            full_at=min((disk.full_at for disk in report.disks if disk.full_at), default=None),
            content=canonical(report),
        )
        .on_conflict_do_nothing(index_elements=[StoredReport.night])
        .returning(StoredReport.night)
    )
    return find(session, report.night), stored is not None


def find(session: Session, night: date) -> StoredReport:
    """Return the report of a night with its content. Raises NotFound."""
    report = session.scalar(
        select(StoredReport).where(StoredReport.night == night).options(undefer(StoredReport.content))
    )
    if report is None:
        raise NotFound(f"There is no report of the night of {night}.")
    return report


def find_named(session: Session, name: str) -> StoredReport:
    """Return the report of the night that a path names, such as 2019-04-05. Raises NotFound."""
    try:
        night = filters.read(filters.DAY, name)
    except ValueError:
        raise NotFound(f"{name[:100]!r} {filters.DAY.otherwise}, and no report has this name.") from None
    return find(session, night)


def canonical(report: NightReport) -> str:
    """Format a report so that equal reports are equal text: keys in order, no spaces."""
    return json.dumps(report.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
