"""The stored night reports."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from atdb_api.models.base import Base


class StoredReport(Base):
    """The report of a night. Append-only.

    `content`: the report in canonical JSON, stored as text so that every reader gets the same bytes. The other
    columns are those by which lists are filtered.
    """

    __tablename__ = "night_reports"

    night: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    observed_count: Mapped[int] = mapped_column(BigInteger)
    observed_bytes: Mapped[int] = mapped_column(BigInteger)
    failures_count: Mapped[int] = mapped_column(BigInteger)
    archived_bytes: Mapped[int] = mapped_column(BigInteger)
    full_at: Mapped[datetime | None]
    content: Mapped[str] = mapped_column(deferred=True)
