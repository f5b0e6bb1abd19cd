"""Signs of life of the services, and how the disks of the data hosts fill."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, aliased

from atdb_api.models import DiskUsage, Service
from atdb_interface import heartbeats
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status

#: How long a disk's past is kept: what its rate of filling is taken from.
KEEP_DISK_USAGES = timedelta(days=7)
#: Over less than this, no rate can be told.
LEAST_SPAN = timedelta(minutes=10)


def see(session: Session, sign: heartbeats.SignOfLife) -> Service:
    """Record a service's heartbeat. Of a trouble that it had before, the moment since when stays."""
    now = datetime.now(UTC)
    known = session.get(Service, sign.name)
    values = {
        "statuses": list(sign.statuses),
        "detail": sign.detail,
        "last_seen": now,
        "troubles": {
            status: {"reason": reason, "since": _since(known, status) or write_time(now)}
            for status, reason in sign.troubles.items()
        },
    }
    session.execute(
        insert(Service)
        .values(name=sign.name, **values)
        .on_conflict_do_update(index_elements=[Service.name], set_=values)
    )
    return session.get_one(Service, sign.name, populate_existing=True)


@dataclass(frozen=True)
class ServiceTrouble:
    """What stands in a service's way, since when, and for what has which statuses."""

    reason: str
    since: datetime
    statuses: list[str]


def troubles_of(service: Service) -> list[ServiceTrouble]:
    """Return what stands in a service's way, each reason once."""
    found: dict[str, ServiceTrouble] = {}
    for status, trouble in service.troubles.items():
        since = datetime.fromisoformat(trouble["since"])
        known = found.setdefault(trouble["reason"], ServiceTrouble(trouble["reason"], since, []))
        known.statuses.append(status)
    return list(found.values())


def _since(known: Service | None, status: Status) -> str | None:
    trouble = known.troubles.get(status) if known else None
    return trouble["since"] if trouble else None


def measure(session: Session, usage: heartbeats.DiskUsage) -> heartbeats.Disk:
    """Write down how full a disk is now, and forget what is too long ago."""
    now = datetime.now(UTC)
    row = DiskUsage(at=now, **usage.model_dump())
    session.add(row)
    session.execute(
        delete(DiskUsage).where(DiskUsage.data_host == usage.data_host, DiskUsage.at < now - KEEP_DISK_USAGES)
    )
    session.flush()
    return disks(session, [row])[0]


def latest() -> Select[DiskUsage]:
    """Find the last that is known of each disk."""
    of_same = aliased(DiskUsage)
    last = select(func.max(of_same.at)).where(of_same.data_host == DiskUsage.data_host)
    return select(DiskUsage).where(DiskUsage.at == last.scalar_subquery())


def disks(session: Session, now: Sequence[DiskUsage]) -> list[heartbeats.Disk]:
    """Tell how fast disks fill, of which this is the last that is known, since the first that is."""
    first = select(DiskUsage).ext(distinct_on(DiskUsage.data_host)).order_by(DiskUsage.data_host, DiskUsage.at)
    of_these = first.where(DiskUsage.data_host.in_([usage.data_host for usage in now]))
    begun = {usage.data_host: usage for usage in session.scalars(of_these)}
    return [_disk(begun[usage.data_host], usage) for usage in now]


def _disk(first: DiskUsage, last: DiskUsage) -> heartbeats.Disk:
    span = last.at - first.at
    per_day = full_at = None
    if span >= LEAST_SPAN:
        per_day = round((first.free_bytes - last.free_bytes) / (span / timedelta(days=1)))
        if per_day > 0:
            left = timedelta(days=min(last.free_bytes / per_day, 36_500))
            full_at = last.at + left
    return heartbeats.Disk(
        data_host=last.data_host,
        last_seen=last.at,
        total_bytes=last.total_bytes,
        free_bytes=last.free_bytes,
        bytes_per_day=per_day,
        full_at=full_at,
    )
