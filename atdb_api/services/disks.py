"""The disks of the data hosts: how full they are, and how fast they fill."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from atdb_api.models import DiskUsage
from atdb_interface.disks import Disk as DiskModel
from atdb_interface.disks import DiskUsage as DiskUsageModel

#: How long measurements are kept. A disk's rate is computed from its oldest and its latest.
KEEP_DISK_USAGES = timedelta(days=7)
#: A shorter time gives no rate, because one observation that writes or one removal would decide about it.
LEAST_SPAN = timedelta(hours=6)


def measure(session: Session, usage: DiskUsageModel) -> DiskModel:
    """Record how full a disk is now, and delete old measurements of it."""
    now = datetime.now(UTC)
    row = DiskUsage(at=now, **usage.model_dump())
    session.add(row)
    session.execute(
        delete(DiskUsage).where(DiskUsage.data_host == usage.data_host, DiskUsage.at < now - KEEP_DISK_USAGES)
    )
    session.flush()
    return with_rates(session, [row])[0]


def latest_usages() -> Select[DiskUsage]:
    """Select the latest measurement of each disk."""
    of_same = aliased(DiskUsage)
    last = select(func.max(of_same.at)).where(of_same.data_host == DiskUsage.data_host)
    return select(DiskUsage).where(DiskUsage.at == last.scalar_subquery())


def current(session: Session) -> list[DiskModel]:
    """Return the latest measurement of all disks, in the order of their names, with two statements."""
    return with_rates(session, session.scalars(latest_usages().order_by("data_host")).all())


def with_rates(session: Session, now: Sequence[DiskUsage]) -> list[DiskModel]:
    """Add to the latest measurements how fast each disk fills."""
    first = select(DiskUsage).ext(distinct_on(DiskUsage.data_host)).order_by(DiskUsage.data_host, DiskUsage.at)
    first_usages = first.where(DiskUsage.data_host.in_([usage.data_host for usage in now]))
    first_of = {usage.data_host: usage for usage in session.scalars(first_usages)}
    return [_disk(first_of[usage.data_host], usage) for usage in now]


def _disk(first: DiskUsage, last: DiskUsage) -> DiskModel:
    span = last.at - first.at
    per_day = full_at = None
    if span >= LEAST_SPAN:
        per_day = round((first.free_bytes - last.free_bytes) / (span / timedelta(days=1)))
        if per_day > 0:
            left = timedelta(days=min(last.free_bytes / per_day, 36_500))
            full_at = last.at + left
    return DiskModel(
        data_host=last.data_host,
        last_seen=last.at,
        total_bytes=last.total_bytes,
        free_bytes=last.free_bytes,
        bytes_per_day=per_day,
        full_at=full_at,
    )
