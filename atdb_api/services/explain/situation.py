"""What the database holds to explain why an observation has its status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from atdb_api.models import Lease, Observation, Service, StageSetting, Transition
from atdb_interface.deletion import Deletion
from atdb_interface.lifecycle import Stage
from atdb_interface.status_kinds import STAGE_OF


@dataclass(frozen=True)
class ClaimedBy:
    """The consumer that has claimed an observation, and when."""

    consumer: str
    at: datetime


@dataclass(frozen=True)
class RemovalProof:
    """The proof that the data of an observation were removed.

    `products`: the number of products. `failed`: the number of invalid ones. `proven`: the number of removed
    products for which ATDB has receipts. `hosts`: the data hosts in these receipts.
    """

    products: int
    failed: int
    proven: int
    hosts: Sequence[str]

    @property
    def is_complete(self) -> bool:
        """Return whether there is a receipt of each product that was valid."""
        return self.proven > 0 and self.proven + self.failed == self.products


@dataclass(frozen=True)
class Subject:
    """An observation to explain, with its lease, its last transition and its claim.

    `removal`: None unless it is removed.
    """

    observation: Observation
    lease: Lease | None
    last: Transition
    claim: ClaimedBy | None
    removal: RemovalProof | None = None


@dataclass(frozen=True)
class Surroundings:
    """The facts that are the same for all observations: the stages, the services, the task of the telescope.

    `taken`: the number of slots taken, by stage. `services`: the latest heartbeat first. A field can be
    empty if none of the explained observations needs it.
    """

    now: datetime
    settings: dict[str, StageSetting]
    taken: dict[str, int]
    services: Sequence[Service]
    at_telescope: str | None
    deletion: Deletion | None = None


@dataclass(frozen=True)
class Situation:
    """An observation, and all facts that explain why its status does not change.

    `ahead`: how many observations will be claimed before this one, if it is available to claim.
    """

    subject: Subject
    around: Surroundings
    ahead: int = 0

    @property
    def observation(self) -> Observation:
        """Return the observation."""
        return self.subject.observation

    @property
    def now(self) -> datetime:
        """Return the time of this situation."""
        return self.around.now

    @property
    def stage(self) -> Stage | None:
        """Return the stage that takes the observation next, or works on it."""
        return STAGE_OF.get(self.observation.status)

    @property
    def setting(self) -> StageSetting | None:
        """Return the settings of the stage."""
        return self.around.settings.get(self.stage.actor) if self.stage else None

    @property
    def taken(self) -> int:
        """Return how many slots of the stage are taken."""
        return self.around.taken.get(self.stage.actor, 0) if self.stage else 0

    @property
    def services(self) -> list[Service]:
        """Return the services that claim observations with this status, the latest heartbeat first."""
        return [service for service in self.around.services if self.observation.status in service.statuses]

    @property
    def is_waiting(self) -> bool:
        """Return whether the observation waits for its stage, or for another owner because a lease has expired."""
        lease = self.subject.lease
        is_lost = lease is not None and lease.expires_at < self.now
        return self.stage is not None and (self.observation.status is self.stage.source or is_lost)

    @property
    def is_claimed(self) -> bool:
        """Return whether a consumer has claimed the observation."""
        until = self.observation.claimed_until
        return until is not None and until >= self.now

    @property
    def delay(self) -> timedelta:
        """Return how long the stage delays the observation before work begins."""
        if self.setting is None or self.stage is None or self.observation.status is not self.stage.source:
            return timedelta(0)
        return timedelta(seconds=self.setting.delay_seconds)

    @property
    def delayed_until(self) -> datetime | None:
        """Return when the delay before the stage ends; None if it has ended, or work has begun."""
        end = self.observation.status_since + self.delay
        return end if end > self.now else None
