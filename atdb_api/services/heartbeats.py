"""The heartbeats of services, and the problems that they report."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from atdb_api.models import Service
from atdb_interface.fields import write_time
from atdb_interface.lifecycle import Status
from atdb_interface.services import Heartbeat


def record(session: Session, heartbeat: Heartbeat) -> Service:
    """Record a service's heartbeat.

    If the service has reported a problem before, the time of its first report stays.
    """
    now = datetime.now(UTC)
    known = session.get(Service, heartbeat.name)
    values = {
        "statuses": list(heartbeat.statuses),
        "detail": heartbeat.detail,
        "last_seen": now,
        "troubles": {
            status: {"reason": reason, "since": _since(known, status) or write_time(now)}
            for status, reason in heartbeat.troubles.items()
        },
    }
    session.execute(
        insert(Service)
        .values(name=heartbeat.name, **values)
        .on_conflict_do_update(index_elements=[Service.name], set_=values)
    )
    return session.get_one(Service, heartbeat.name, populate_existing=True)


@dataclass(frozen=True)
class ServiceTrouble:
    """A problem of a service, since when it has it, and for which statuses."""

    reason: str
    since: datetime
    statuses: list[str]


def troubles_of(service: Service) -> list[ServiceTrouble]:
    """Return the problems of a service, each reason once."""
    by_reason: dict[str, ServiceTrouble] = {}
    for status, trouble in service.troubles.items():
        since = datetime.fromisoformat(trouble["since"])
        known = by_reason.setdefault(trouble["reason"], ServiceTrouble(trouble["reason"], since, []))
        known.statuses.append(status)
    return list(by_reason.values())


def _since(known: Service | None, status: Status) -> str | None:
    trouble = known.troubles.get(status) if known else None
    return trouble["since"] if trouble else None
