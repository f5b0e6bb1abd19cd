"""Counts, sizes and ages of groups of observations."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Date, Text, cast, func, select
from sqlalchemy.orm import Session

from atdb_api.models import Observation
from atdb_api.search import columns, filters
from atdb_interface.summary import Summary, SummaryGroup


def summarise(
    session: Session, group_by: Sequence[str], parameters: Iterable[tuple[str, str]], at: datetime | None
) -> Summary:
    """Summarise the observations that match, grouped by some of GROUPINGS, as they are or were at a time."""
    searched = columns.observation_columns(at)
    each = select(
        cast(searched["my_status"], Text).label("my_status"),
        Observation.observing_mode.label("observing_mode"),
        cast(cast(func.timezone("UTC", Observation.start_time), Date), Text).label("day"),
        func.split_part(Observation.data_location, ":", 1).label("data_host"),
        Observation.size_bytes.label("size"),
        columns.status_since(at).label("since"),
    ).where(*filters.where(searched, parameters))
    if at:
        each = each.where(columns.observation_existed(at))
    rows = each.subquery()
    keys = [rows.c[name] for name in group_by]
    numbers = session.execute(
        select(*keys, func.count(), func.sum(rows.c.size), func.min(rows.c.since)).group_by(*keys).order_by(*keys)
    ).all()
    now = at or datetime.now(UTC)
    groups = [
        SummaryGroup(
            group=dict(zip(group_by, values, strict=True)),
            count=count,
            size=int(size),
            oldest_since=since,
            oldest_age_seconds=max(0, int((now - since).total_seconds())),
        )
        for *values, count, size, since in numbers
    ]
    return Summary(
        group_by=list(group_by),
        count=sum(group.count for group in groups),
        size=sum(group.size for group in groups),
        groups=groups,
    )
