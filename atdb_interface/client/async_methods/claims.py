"""The methods of claims and leases."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from atdb_interface.claims import Claim, ClaimRequest, OpenClaim, OpenClaims, Release, Released, Waiting
from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import parameters, plain, read
from atdb_interface.leases import HeldLease, Lease
from atdb_interface.lifecycle import Status


class AsyncClaimMethods(AsyncMethods):
    """Claim observations, and hold leases on them."""

    async def claim(self, request: ClaimRequest) -> Claim:
        """Claim waiting observations. The same claim id returns the same answer."""
        return read(Claim, await self._ask("POST", "claims/", json=plain(request)))

    async def count_waiting(self, statuses: Collection[Status], **filters: Any) -> int:
        """Return the number of observations that a claim of these statuses would return now."""
        params = parameters({"statuses": statuses, **filters})
        return read(Waiting, await self._ask("GET", "claims/", params=params)).waiting

    async def open_claims(self, consumer: str) -> list[OpenClaim]:
        """Return the observations that a consumer has claimed and not begun, the oldest claim first."""
        params = parameters({"consumer": consumer})
        return read(OpenClaims, await self._ask("GET", "claims/open/", params=params)).tasks

    async def release(self, task_ids: Collection[str], *, claim: str | None = None) -> int:
        """Release claimed observations on which no work will begin; with `claim`, only those of that claim.

        Return the number of observations that are available to claim again.
        """
        ask = Release(taskIDs=list(task_ids), claim=claim)
        return read(Released, await self._ask("POST", "claims/release/", json=plain(ask))).released

    async def renew(self, task_id: str, owner: str, lease_seconds: int, **progress: Any) -> HeldLease:
        """Renew the lease of the owner who works on an observation. Raises NotOwner.

        `progress`: `done_bytes` of `total_bytes`, and `trouble`; an empty text ends the trouble.
        """
        ask = Lease(taskID=task_id, owner=owner, lease_seconds=lease_seconds, **progress)
        return read(HeldLease, await self._ask("POST", "leases/", json=plain(ask)))

    def leases(self, **filters: Any) -> AsyncIterator[HeldLease]:
        """Yield the leases that match. `expires_at__lt` finds the expired ones."""
        return self._list("leases/", HeldLease, filters)
