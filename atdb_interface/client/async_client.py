"""The client of ATDB from an event loop. Only clients and their connections send HTTP requests to ATDB."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import date
from typing import Any, Self

import httpx

from atdb_interface.actions import Action
from atdb_interface.bulk import BulkAnswer, DataProductBulk, ObservationBulk
from atdb_interface.changes import Change
from atdb_interface.claims import Claim, ClaimRequest, OpenClaim, OpenClaims, Release, Released, Waiting
from atdb_interface.client.async_connection import PATIENCE_SECONDS, AsyncConnection
from atdb_interface.client.exchange import (
    Model,
    Rows,
    day,
    once,
    only_if,
    parameters,
    plain,
    read,
    read_row,
    whole_items,
)
from atdb_interface.dataproducts import (
    DataProduct,
    ForcedRemoval,
    MovedProduct,
    MovedProducts,
    NewDataProduct,
    ProductMove,
    ProductMoves,
)
from atdb_interface.disks import Disk, DiskUsage
from atdb_interface.errors import NotFound
from atdb_interface.events import Event, NewEvent
from atdb_interface.health import Health
from atdb_interface.leases import HeldLease, Lease
from atdb_interface.lifecycle import Actor, Status
from atdb_interface.night_reports import NightReport, StoredReport
from atdb_interface.observations import NewObservation, Observation, Why
from atdb_interface.receipts import Receipt
from atdb_interface.services import Heartbeat, Service
from atdb_interface.sessions import Me
from atdb_interface.stages import StageState
from atdb_interface.summary import Summary
from atdb_interface.tokens import MadeToken, NewToken, Token
from atdb_interface.transitions import Move, Transition


class AsyncClient:
    """A client of the ATDB at `url` (without `/atdb/`). It logs in with `user` and `secret`, or with `token`.

    Every method raises the errors of `atdb_interface.errors`. While ATDB cannot be reached, requests that are safe
    to repeat are retried for `patience` seconds. Then the method raises Unavailable.

    Filters are those in the URL of a list, such as `my_status="valid"`, `taskID__in=[...]` and
    `ordering="-starttime"`. With `as_of=...`, statuses are those at that moment.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = AsyncConnection(
            url, user=user, secret=secret, token=token, patience=patience, transport=transport
        )
        self._ask = self._connection.ask

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def me(self) -> Me:
        """Return the account that this client has logged in to."""
        return read(Me, await self._ask("GET", "me/"))

    async def health(self) -> Health:
        """Return whether ATDB can answer, and whether its database has the schema that this ATDB needs."""
        return read(Health, await self._ask("GET", "health/"))

    # Observations

    async def create_observation(self, new: NewObservation | Mapping[str, Any]) -> Observation:
        """Submit a specification. Raises Duplicate if an observation has the same mode, field and start."""
        return read(Observation, await self._ask("POST", "observations/", json=plain(new), headers=once()))

    async def observation(self, task_id: str, **filters: Any) -> Observation:
        """Get one observation by its taskID, with `as_of=` as it was at a moment. Raises NotFound."""
        params = whole_items({"taskID": task_id, "cursor": "", **filters})
        for row in read(Rows, await self._ask("GET", "observations/", params=params)).results:
            return read_row(Observation, row)
        raise NotFound(f"No observation has taskID {task_id}. Check the taskID.")

    async def observation_by_id(self, observation_id: int) -> Observation:
        """Get one observation by its id. Raises NotFound."""
        observation, _ = await self.observation_with_etag(observation_id)
        return observation

    async def observation_with_etag(self, observation_id: int) -> tuple[Observation, str]:
        """Get one observation by its id, and its ETag for `if_match`. Raises NotFound."""
        answer = await self._ask("GET", f"observations/{observation_id}/")
        return read(Observation, answer), answer.headers["ETag"]

    def observations(self, **filters: Any) -> AsyncIterator[Observation]:
        """Yield the observations that match, for example `observations(my_status="valid")`."""
        return self._list("observations/", Observation, filters)

    async def count_observations(self, **filters: Any) -> int:
        """Return the number of observations that match."""
        return await self._connection.count("observations/", filters)

    async def change_observation(
        self, observation_id: int, *, if_match: str | None = None, **fields: Any
    ) -> Observation:
        """Change some fields, or request a move by `new_status`.

        With `if_match`, raises PreconditionFailed if the observation no longer has that ETag. If an answer was
        lost, this request itself may have changed the observation: read it again.
        """
        path, headers = f"observations/{observation_id}/", only_if(if_match)
        return read(Observation, await self._ask("PATCH", path, json=plain(fields), headers=headers))

    async def act(self, task_id: str, action: Action, *, reason: str = "") -> Observation:
        """Hold, resume, cancel, retry, check or ingest an observation, even if an owner works on it.

        Raises ForbiddenMove if the action is not possible. If the answer to an earlier request was lost, that
        request may have done it.
        """
        observation = await self.observation(task_id)
        return await self.change_observation(observation.id, action=action, reason=reason)

    async def why(self, task_id: str) -> Why:
        """Return the reason why the status of an observation does not change. Raises NotFound."""
        observation = await self.observation(task_id)
        return read(Why, await self._ask("GET", f"observations/{observation.id}/why/"))

    async def preview_observations(self, ask: ObservationBulk) -> BulkAnswer:
        """Return what a change of all observations that match would do, without changing anything."""
        return await self._preview("observations/bulk/", ask)

    async def change_observations(self, ask: ObservationBulk, token: str) -> BulkAnswer:
        """Change all observations that match, as previewed with this token. Raises SetChanged."""
        return await self._carry_out("observations/bulk/", ask, token)

    async def delete_observation(self, observation_id: int, *, if_match: str | None = None) -> None:
        """Delete an observation that was never started."""
        await self._ask("DELETE", f"observations/{observation_id}/", headers=only_if(if_match))

    # Moves and history

    async def move(
        self,
        task_id: str,
        status: Status,
        *,
        expect: Collection[Status] | None = None,
        owner: str | None = None,
        lease_seconds: int | None = None,
        reason: str = "",
        force: bool = False,
    ) -> Transition:
        """Move an observation, and return the transition that led to the status.

        If the observation already has the status, the move changes nothing. Raises ForbiddenMove, and NotOwner if
        another owner works on it. An operator can `force` a move, with a `reason`.
        """
        ask = Move(
            taskID=task_id,
            name=status,
            expect=list(expect) if expect is not None else None,
            owner=owner,
            lease_seconds=lease_seconds,
            reason=reason,
            force=force,
        )
        return read(Transition, await self._ask("POST", "status/", json=plain(ask)))

    def history(self, **filters: Any) -> AsyncIterator[Transition]:
        """Yield transitions, oldest first, for example `history(taskID="190405034")`."""
        return self._list("status/", Transition, filters)

    # Data products

    async def create_dataproducts(self, new: Iterable[NewDataProduct | Mapping[str, Any]]) -> list[DataProduct]:
        """Create data products, all or none."""
        body = [plain(product) for product in new]
        return read(list[DataProduct], await self._ask("POST", "dataproducts/", json=body, headers=once()))

    async def dataproduct(self, product_id: int) -> DataProduct:
        """Get one data product. Raises NotFound."""
        product, _ = await self.dataproduct_with_etag(product_id)
        return product

    async def dataproduct_with_etag(self, product_id: int) -> tuple[DataProduct, str]:
        """Get one data product, and its ETag for `if_match`. Raises NotFound."""
        answer = await self._ask("GET", f"dataproducts/{product_id}/")
        return read(DataProduct, answer), answer.headers["ETag"]

    def dataproducts(self, **filters: Any) -> AsyncIterator[DataProduct]:
        """Yield the data products that match."""
        return self._list("dataproducts/", DataProduct, filters)

    async def count_dataproducts(self, **filters: Any) -> int:
        """Return the number of data products that match."""
        return await self._connection.count("dataproducts/", filters)

    async def change_dataproduct(
        self, product_id: int, *, if_match: str | None = None, **fields: Any
    ) -> DataProduct:
        """Change some fields, or request a move by `new_status`. `if_match` works as for an observation."""
        path, headers = f"dataproducts/{product_id}/", only_if(if_match)
        return read(DataProduct, await self._ask("PATCH", path, json=plain(fields), headers=headers))

    async def move_products(
        self, task_id: str, moves: list[ProductMove], *, owner: str | None = None
    ) -> list[MovedProduct]:
        """Change many products of one observation, all or none. Raises ForbiddenMove and NotOwner."""
        ask = ProductMoves(taskID=task_id, owner=owner, moves=moves)
        return read(MovedProducts, await self._ask("POST", "dataproducts/moves/", json=plain(ask))).results

    async def preview_dataproducts(self, ask: DataProductBulk) -> BulkAnswer:
        """Return what a change of all data products that match would do, without changing anything."""
        return await self._preview("dataproducts/bulk/", ask)

    async def change_dataproducts(self, ask: DataProductBulk, token: str) -> BulkAnswer:
        """Change all data products that match, as previewed with this token. Raises SetChanged."""
        return await self._carry_out("dataproducts/bulk/", ask, token)

    async def force_removal(self, product_id: int, reason: str) -> DataProduct:
        """Allow the removal of a product without a verified copy in the archive; for admins. Raises NotFound."""
        path = f"dataproducts/{product_id}/force_removal/"
        return read(DataProduct, await self._ask("POST", path, json=plain(ForcedRemoval(reason=reason))))

    async def delete_dataproduct(self, product_id: int, *, if_match: str | None = None) -> None:
        """Delete a data product that never had data."""
        await self._ask("DELETE", f"dataproducts/{product_id}/", headers=only_if(if_match))

    # Claims and leases

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

    # Overview

    async def summary(self, group_by: str | Collection[str] = "my_status", **filters: Any) -> Summary:
        """Return the numbers, sizes and ages of the observations that match, grouped by some fields."""
        params = parameters({"group_by": group_by, **filters})
        return read(Summary, await self._ask("GET", "summary/", params=params))

    def changes(self, **filters: Any) -> AsyncIterator[Change]:
        """Yield the changes other than changes of status, such as edits and deletions."""
        return self._list("changes/", Change, filters)

    def receipts(self, **filters: Any) -> AsyncIterator[Receipt]:
        """Yield the receipts of data products that were removed from the data hosts."""
        return self._list("receipts/", Receipt, filters)

    def events(self, **filters: Any) -> AsyncIterator[Event]:
        """Yield the events, oldest first."""
        return self._list("events/", Event, filters)

    async def raise_events(self, new: Iterable[NewEvent]) -> list[Event]:
        """Raise events for operators, and return those with a new key."""
        body = [plain(event) for event in new]
        return read(list[Event], await self._ask("POST", "events/", json=body, headers=once()))

    # Reports of the nights

    def night_reports(self, **filters: Any) -> AsyncIterator[StoredReport]:
        """Yield the main figures of the stored night reports, the newest first."""
        return self._list("reports/", StoredReport, filters)

    async def night_report(self, night: date | str) -> NightReport:
        """Return the report of the night that begins on a day, such as `"2019-04-05"`. Raises NotFound."""
        return read(NightReport, await self._ask("GET", f"reports/{day(night)}/"))

    async def store_night_report(self, report: NightReport) -> NightReport:
        """Store the report of a night, and return the one that is stored.

        A stored report never changes: for a night that has one, that one is returned. Raises Conflict while the
        night has not ended.
        """
        return read(NightReport, await self._ask("POST", "reports/", json=plain(report)))

    # Stages and services

    def stages(self, **filters: Any) -> AsyncIterator[StageState]:
        """Yield the stages with their settings, and the numbers of observations that wait for them."""
        return self._list("stages/", StageState, filters)

    async def change_stage(self, stage: Actor, **fields: Any) -> StageState:
        """Pause or resume a stage with `paused`, or change its `slots` or `delay_seconds`, with a `reason`."""
        return read(StageState, await self._ask("PATCH", f"stages/{stage}/", json=plain(fields)))

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

    def rows(self, resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield any list as plain dicts, for example `rows("observations", fields=["taskID", "my_status"])`."""
        return self._connection.walk(f"{resource}/", parameters(filters))

    # Tokens

    def tokens(self, **filters: Any) -> AsyncIterator[Token]:
        """Yield the tokens of this account. An admin sees those of all accounts."""
        return self._list("tokens/", Token, filters)

    async def create_token(self, name: str, days: int = 365) -> MadeToken:
        """Create a token for this account. Its secret is shown only once.

        If the answer is lost, the request is not retried, because ATDB does not keep the secret. Revoke the lost
        token, which is in `tokens()`, and create another one.
        """
        ask = NewToken(name=name, days=days)
        return read(MadeToken, await self._ask("POST", "tokens/", json=plain(ask), repeat=False))

    async def revoke_token(self, token_id: int) -> None:
        """Revoke a token immediately. Raises NotFound."""
        await self._ask("DELETE", f"tokens/{token_id}/")

    def _list(self, path: str, model: type[Model], filters: Mapping[str, Any]) -> AsyncIterator[Model]:
        return self._read_each(model, self._connection.walk(path, whole_items(filters)))

    async def _read_each(self, model: type[Model], rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Model]:
        async for row in rows:
            yield read_row(model, row)

    async def _preview(self, path: str, ask: ObservationBulk | DataProductBulk) -> BulkAnswer:
        return read(BulkAnswer, await self._ask("POST", path, json=plain(ask.model_copy(update={"token": None}))))

    async def _carry_out(self, path: str, ask: ObservationBulk | DataProductBulk, token: str) -> BulkAnswer:
        body = plain(ask.model_copy(update={"token": token}))
        return read(BulkAnswer, await self._ask("POST", path, json=body, headers=once()))
