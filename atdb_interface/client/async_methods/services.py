"""The methods of stages, the deletion switch, services and disks."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import plain, read
from atdb_interface.deletion import Deletion, DeletionChange
from atdb_interface.disks import Disk, DiskUsage
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.services import Heartbeat, Service
from atdb_interface.stages import StageState


class AsyncServiceMethods(AsyncMethods):
    """Read and change stages and the deletion switch, and report services and disks."""

    def stages(self, **filters: Any) -> AsyncIterator[StageState]:
        """Yield the stages with their settings, and the numbers of observations that wait for them."""
        return self._list("stages/", StageState, filters)

    async def change_stage(self, stage: Actor, **fields: Any) -> StageState:
        """Pause or resume a stage with `paused`, or change its `slots` or `delay_seconds`, with a `reason`."""
        return read(StageState, await self._ask("PATCH", f"stages/{stage}/", json=plain(fields)))

    async def deletion(self) -> Deletion:
        """Return whether data may be deleted from the data hosts now."""
        return read(Deletion, await self._ask("GET", "deletion/"))

    async def change_deletion(self, *, allowed: bool, reason: str = "") -> Deletion:
        """Switch all deletion from the data hosts off, which requires a `reason`, or on again."""
        ask = DeletionChange(allowed=allowed, reason=reason)
        return read(Deletion, await self._ask("PATCH", "deletion/", json=plain(ask)))

    def services(self, **filters: Any) -> AsyncIterator[Service]:
        """Yield the services that have sent a heartbeat, with the time of the last one."""
        return self._list("services/", Service, filters)

    async def sign_of_life(
        self,
        name: str,
        *,
        statuses: Collection[Status] = (),
        detail: str = "",
        troubles: Mapping[Status, str] | None = None,
    ) -> Service:
        """Send a heartbeat: the statuses that a service processes, what it does, and its troubles."""
        ask = Heartbeat(name=name, statuses=list(statuses), detail=detail, troubles=dict(troubles or {}))
        return read(Service, await self._ask("POST", "services/", json=plain(ask)))

    def disks(self, **filters: Any) -> AsyncIterator[Disk]:
        """Yield the disks of the data hosts, with their free space and forecast."""
        return self._list("disks/", Disk, filters)

    async def report_disk(self, usage: DiskUsage) -> Disk:
        """Report how full a data host's disk is now."""
        return read(Disk, await self._ask("POST", "disks/", json=plain(usage)))
