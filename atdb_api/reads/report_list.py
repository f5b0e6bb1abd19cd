"""The night reports with their main figures, by pages."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.models import StoredReport
from atdb_interface.errors import NotFound

PAGE_SIZE = 60


@dataclass(frozen=True)
class ReportRow:
    """The main figures of a report. `full_at`: when the first disk is full, if that is within the forecast."""

    night: date
    observed_count: int
    observed_bytes: int
    failures_count: int
    archived_bytes: int
    full_at: datetime | None
    made_at: datetime
    actor: str


@dataclass(frozen=True)
class ReportList:
    """A page of the list, the newest night first. `newer` and `older`: the numbers of the pages beside it."""

    reports: list[ReportRow]
    count: int
    newer: int | None
    older: int | None


def read_reports(session: Session, number: int) -> ReportList:
    """Read a page of the list, with two statements. Raises NotFound for a page after the last."""
    count = session.scalar(select(func.count()).select_from(StoredReport)) or 0
    rows = session.execute(
        select(
            StoredReport.night,
            StoredReport.observed_count,
            StoredReport.observed_bytes,
            StoredReport.failures_count,
            StoredReport.archived_bytes,
            StoredReport.full_at,
            StoredReport.made_at,
            StoredReport.actor,
        )
        .order_by(StoredReport.night.desc())
        .limit(PAGE_SIZE)
        .offset((number - 1) * PAGE_SIZE)
    ).all()
    if number > 1 and not rows:
        raise NotFound(f"There is no page {number}.")
    return ReportList(
        reports=[ReportRow(*row) for row in rows],
        count=count,
        newer=number - 1 if number > 1 else None,
        older=number + 1 if number * PAGE_SIZE < count else None,
    )
