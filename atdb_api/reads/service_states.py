"""The services: which have recently sent a heartbeat, and the problems of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atdb_api.models import Claim, Service
from atdb_api.services.heartbeats import ServiceTrouble, troubles_of
from atdb_interface.times import GONE_AFTER


@dataclass(frozen=True)
class ServiceState:
    """A service. `last_seen`: its last heartbeat, if it sends any; `claimed_at`: its last claim, if any.

    `troubles`: its present problems.
    """

    name: str
    statuses: Sequence[str] = ()
    detail: str = ""
    last_seen: datetime | None = None
    is_gone: bool = False
    claimed_at: datetime | None = None
    troubles: Sequence[ServiceTrouble] = ()

    @property
    def is_unhealthy(self) -> bool:
        """Return whether it is responding, and reports a problem."""
        return not self.is_gone and bool(self.troubles)


def service_state(service: Service, now: datetime, claimed_at: datetime | None = None) -> ServiceState:
    """Return the state of a service."""
    return ServiceState(
        name=service.name,
        statuses=service.statuses,
        detail=service.detail,
        last_seen=service.last_seen,
        is_gone=now - service.last_seen > GONE_AFTER,
        claimed_at=claimed_at,
        troubles=troubles_of(service),
    )


def service_states(session: Session, now: datetime) -> list[ServiceState]:
    """Return the services, those with problems first, and other clients that have recently claimed something."""
    claims = select(Claim.consumer, func.max(Claim.created_at)).group_by(Claim.consumer)
    claimed_at = dict(session.execute(claims).all())
    states = [service_state(row, now, claimed_at.pop(row.name, None)) for row in session.scalars(select(Service))]
    states += [ServiceState(name, claimed_at=at) for name, at in claimed_at.items()]
    return sorted(states, key=lambda state: (not state.is_gone, not state.troubles, state.name))
