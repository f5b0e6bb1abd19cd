# Made from async_client.py by `make format`: change that one.
"""The client of ATDB, and with its connection the only code that speaks HTTP to ATDB."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Self

import httpx

from atdb_interface.actions import Action
from atdb_interface.bulk import BulkAnswer, DataProductBulk, ObservationBulk
from atdb_interface.changes import Change
from atdb_interface.claims import Claim, ClaimRequest, OpenClaim, OpenClaims, Release, Released, Waiting
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
from atdb_interface.client.sync_connection import PATIENCE_SECONDS, Connection
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


class Client:
    """Speak to the ATDB at `url` (without `/atdb/`), logged in by `user` and `secret` or by `token`.

    Every method raises the errors of `atdb_interface.errors`. While ATDB cannot be reached, what is safe to
    repeat is asked again for `patience` seconds; then Unavailable.

    Filters are those of a list's address, such as `my_status="valid"`, `taskID__in=[...]`, `ordering="-starttime"`
    and `as_of=...` for statuses as they were at that moment.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._connection = Connection(
            url, user=user, secret=secret, token=token, patience=patience, transport=transport
        )
        self._ask = self._connection.ask

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def me(self) -> Me:
        """Tell as whom we are logged in."""
        return read(Me, self._ask("GET", "me/"))

    def health(self) -> Health:
        """Return whether ATDB can answer, and whether its database has the schema that this ATDB needs."""
        return read(Health, self._ask("GET", "health/"))

    # Observations

    def create_observation(self, new: NewObservation | Mapping[str, Any]) -> Observation:
        """Submit a specification. Raises Duplicate where the same mode, field and start is there already."""
        return read(Observation, self._ask("POST", "observations/", json=plain(new), headers=once()))

    def observation(self, task_id: str, **filters: Any) -> Observation:
        """Get one observation by its taskID, perhaps `as_of=` a moment. Raises NotFound."""
        params = whole_items({"taskID": task_id, "cursor": "", **filters})
        for row in read(Rows, self._ask("GET", "observations/", params=params)).results:
            return read_row(Observation, row)
        raise NotFound(f"no observation has taskID {task_id}")

    def observation_by_id(self, observation_id: int) -> Observation:
        """Get one observation by its id. Raises NotFound."""
        observation, _ = self.observation_with_etag(observation_id)
        return observation

    def observation_with_etag(self, observation_id: int) -> tuple[Observation, str]:
        """Get one observation by its id, and its ETag for `if_match`. Raises NotFound."""
        answer = self._ask("GET", f"observations/{observation_id}/")
        return read(Observation, answer), answer.headers["ETag"]

    def observations(self, **filters: Any) -> Iterator[Observation]:
        """Walk through the observations that match, such as `observations(my_status="valid")`."""
        return self._list("observations/", Observation, filters)

    def count_observations(self, **filters: Any) -> int:
        """Count the observations that match."""
        return self._connection.count("observations/", filters)

    def change_observation(
        self, observation_id: int, *, if_match: str | None = None, **fields: Any
    ) -> Observation:
        """Change some fields, or ask for a move by `new_status`.

        With `if_match`, raises PreconditionFailed where it is not as it was read with that ETag. Where an answer
        was lost, what changed it may be this request itself: read it again.
        """
        path, headers = f"observations/{observation_id}/", only_if(if_match)
        return read(Observation, self._ask("PATCH", path, json=plain(fields), headers=headers))

    def act(self, task_id: str, action: Action, *, reason: str = "") -> Observation:
        """Hold, resume, cancel, retry, check or ingest an observation, whoever works on it.

        Where an answer was lost, and what was asked for is done, asking again raises ForbiddenMove.
        """
        observation = self.observation(task_id)
        return self.change_observation(observation.id, action=action, reason=reason)

    def why(self, task_id: str) -> Why:
        """Tell why an observation is not moving. Raises NotFound."""
        observation = self.observation(task_id)
        return read(Why, self._ask("GET", f"observations/{observation.id}/why/"))

    def preview_observations(self, ask: ObservationBulk) -> BulkAnswer:
        """Tell what a change of all observations that match would do; it changes nothing."""
        return self._preview("observations/bulk/", ask)

    def change_observations(self, ask: ObservationBulk, token: str) -> BulkAnswer:
        """Change all observations that match, as previewed with this token. Raises SetChanged."""
        return self._carry_out("observations/bulk/", ask, token)

    def delete_observation(self, observation_id: int, *, if_match: str | None = None) -> None:
        """Delete an observation that never started."""
        self._ask("DELETE", f"observations/{observation_id}/", headers=only_if(if_match))

    # Moves and history

    def move(
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
        """Move an observation; the transition that led to the status, an older one where it had it already.

        Raises ForbiddenMove, and NotOwner where somebody else works on it. An operator may `force` it, for a
        `reason`.
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
        return read(Transition, self._ask("POST", "status/", json=plain(ask)))

    def history(self, **filters: Any) -> Iterator[Transition]:
        """Walk through transitions, oldest first: `history(taskID="190405034")`."""
        return self._list("status/", Transition, filters)

    # Data products

    def create_dataproducts(self, new: Iterable[NewDataProduct | Mapping[str, Any]]) -> list[DataProduct]:
        """Make data products, all or none."""
        body = [plain(product) for product in new]
        return read(list[DataProduct], self._ask("POST", "dataproducts/", json=body, headers=once()))

    def dataproduct(self, product_id: int) -> DataProduct:
        """Get one data product. Raises NotFound."""
        product, _ = self.dataproduct_with_etag(product_id)
        return product

    def dataproduct_with_etag(self, product_id: int) -> tuple[DataProduct, str]:
        """Get one data product, and its ETag for `if_match`. Raises NotFound."""
        answer = self._ask("GET", f"dataproducts/{product_id}/")
        return read(DataProduct, answer), answer.headers["ETag"]

    def dataproducts(self, **filters: Any) -> Iterator[DataProduct]:
        """Walk through the data products that match."""
        return self._list("dataproducts/", DataProduct, filters)

    def count_dataproducts(self, **filters: Any) -> int:
        """Count the data products that match."""
        return self._connection.count("dataproducts/", filters)

    def change_dataproduct(self, product_id: int, *, if_match: str | None = None, **fields: Any) -> DataProduct:
        """Change some fields, or ask for a move by `new_status`. `if_match` as for an observation."""
        path, headers = f"dataproducts/{product_id}/", only_if(if_match)
        return read(DataProduct, self._ask("PATCH", path, json=plain(fields), headers=headers))

    def move_products(
        self, task_id: str, moves: list[ProductMove], *, owner: str | None = None
    ) -> list[MovedProduct]:
        """Change many products of one observation, all or none. Raises ForbiddenMove and NotOwner."""
        ask = ProductMoves(taskID=task_id, owner=owner, moves=moves)
        return read(MovedProducts, self._ask("POST", "dataproducts/moves/", json=plain(ask))).results

    def preview_dataproducts(self, ask: DataProductBulk) -> BulkAnswer:
        """Tell what a change of all data products that match would do; it changes nothing."""
        return self._preview("dataproducts/bulk/", ask)

    def change_dataproducts(self, ask: DataProductBulk, token: str) -> BulkAnswer:
        """Change all data products that match, as previewed with this token. Raises SetChanged."""
        return self._carry_out("dataproducts/bulk/", ask, token)

    def force_removal(self, product_id: int, reason: str) -> DataProduct:
        """Let a product's copy on the data host be deleted unverified: for admins. Raises NotFound."""
        path = f"dataproducts/{product_id}/force_removal/"
        return read(DataProduct, self._ask("POST", path, json=plain(ForcedRemoval(reason=reason))))

    def delete_dataproduct(self, product_id: int, *, if_match: str | None = None) -> None:
        """Delete a data product that never had data."""
        self._ask("DELETE", f"dataproducts/{product_id}/", headers=only_if(if_match))

    # Claims and leases

    def claim(self, request: ClaimRequest) -> Claim:
        """Claim waiting observations; the same claim id gives the same answer."""
        return read(Claim, self._ask("POST", "claims/", json=plain(request)))

    def count_waiting(self, statuses: Collection[Status], **filters: Any) -> int:
        """Count the observations that a claim of these statuses would give now."""
        params = parameters({"statuses": statuses, **filters})
        return read(Waiting, self._ask("GET", "claims/", params=params)).waiting

    def open_claims(self, consumer: str) -> list[OpenClaim]:
        """Return what a consumer has claimed and on which no work has begun, the oldest claim first."""
        params = parameters({"consumer": consumer})
        return read(OpenClaims, self._ask("GET", "claims/open/", params=params)).tasks

    def release(self, task_ids: Collection[str], *, claim: str | None = None) -> int:
        """Release claimed observations on which no work will begin, perhaps only those of one `claim`.

        Returns how many are available to claim again.
        """
        ask = Release(taskIDs=list(task_ids), claim=claim)
        return read(Released, self._ask("POST", "claims/release/", json=plain(ask))).released

    def renew(self, task_id: str, owner: str, lease_seconds: int, **progress: Any) -> HeldLease:
        """Prolong the lease of the owner who works on an observation. Raises NotOwner.

        `progress`: `done_bytes` of `total_bytes`, and `trouble`, which an empty one ends.
        """
        ask = Lease(taskID=task_id, owner=owner, lease_seconds=lease_seconds, **progress)
        return read(HeldLease, self._ask("POST", "leases/", json=plain(ask)))

    def leases(self, **filters: Any) -> Iterator[HeldLease]:
        """Walk through the leases that match; `expires_at__lt` finds the lost ones."""
        return self._list("leases/", HeldLease, filters)

    # Overview

    def summary(self, group_by: str | Collection[str] = "my_status", **filters: Any) -> Summary:
        """Count the observations that match, with sizes and ages, for each value of what they are grouped by."""
        params = parameters({"group_by": group_by, **filters})
        return read(Summary, self._ask("GET", "summary/", params=params))

    def changes(self, **filters: Any) -> Iterator[Change]:
        """Walk through the changes that are no changes of status: who edited or deleted what."""
        return self._list("changes/", Change, filters)

    def receipts(self, **filters: Any) -> Iterator[Receipt]:
        """Walk through the receipts of what was removed from the data hosts."""
        return self._list("receipts/", Receipt, filters)

    def events(self, **filters: Any) -> Iterator[Event]:
        """Walk through what operators should know of, oldest first."""
        return self._list("events/", Event, filters)

    def raise_events(self, new: Iterable[NewEvent]) -> list[Event]:
        """Tell operators of something; gives the events whose key was not there yet."""
        body = [plain(event) for event in new]
        return read(list[Event], self._ask("POST", "events/", json=body, headers=once()))

    # Reports of the nights

    def night_reports(self, **filters: Any) -> Iterator[StoredReport]:
        """Walk through the stored night reports with their main figures, the newest first."""
        return self._list("reports/", StoredReport, filters)

    def night_report(self, night: date | str) -> NightReport:
        """Return the report of the night that begins on a day, such as `"2019-04-05"`. Raises NotFound."""
        return read(NightReport, self._ask("GET", f"reports/{day(night)}/"))

    def store_night_report(self, report: NightReport) -> NightReport:
        """Store the report of a night, and return the one that is stored.

        A stored report never changes: for a night that has one, that one is returned. Raises Conflict while the
        night has not ended.
        """
        return read(NightReport, self._ask("POST", "reports/", json=plain(report)))

    # Stages, and who is there

    def stages(self, **filters: Any) -> Iterator[StageState]:
        """Walk through the stages: paused or not, their limits, and what waits for them."""
        return self._list("stages/", StageState, filters)

    def change_stage(self, stage: Actor, **fields: Any) -> StageState:
        """Pause a stage or let it go on by `paused`, or change its `slots` or `delay_seconds`, for a `reason`."""
        return read(StageState, self._ask("PATCH", f"stages/{stage}/", json=plain(fields)))

    def services(self, **filters: Any) -> Iterator[Service]:
        """Walk through the services that gave a sign of life, and when they last did."""
        return self._list("services/", Service, filters)

    def sign_of_life(
        self,
        name: str,
        *,
        statuses: Collection[Status] = (),
        detail: str = "",
        troubles: Mapping[Status, str] | None = None,
    ) -> Service:
        """Send a heartbeat: for which statuses a service works, what it does, and what stands in its way."""
        ask = Heartbeat(name=name, statuses=list(statuses), detail=detail, troubles=dict(troubles or {}))
        return read(Service, self._ask("POST", "services/", json=plain(ask)))

    def disks(self, **filters: Any) -> Iterator[Disk]:
        """Walk through the data hosts' disks: how full they are, and when they will be."""
        return self._list("disks/", Disk, filters)

    def report_disk(self, usage: DiskUsage) -> Disk:
        """Tell how full a data host's disk is now."""
        return read(Disk, self._ask("POST", "disks/", json=plain(usage)))

    def rows(self, resource: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Walk through any list as plain dicts: `rows("observations", fields=["taskID", "my_status"])`."""
        return self._connection.walk(f"{resource}/", parameters(filters))

    # Tokens

    def tokens(self, **filters: Any) -> Iterator[Token]:
        """Walk through our tokens; an admin sees everybody's."""
        return self._list("tokens/", Token, filters)

    def create_token(self, name: str, days: int = 365) -> MadeToken:
        """Make a token for our account; its secret is shown this once.

        Not asked again where the answer is lost, as ATDB would have to keep the secret for that: look at
        `tokens()`, and revoke what nobody has.
        """
        ask = NewToken(name=name, days=days)
        return read(MadeToken, self._ask("POST", "tokens/", json=plain(ask), repeat=False))

    def revoke_token(self, token_id: int) -> None:
        """Make a token worthless at once. Raises NotFound."""
        self._ask("DELETE", f"tokens/{token_id}/")

    def _list(self, path: str, model: type[Model], filters: Mapping[str, Any]) -> Iterator[Model]:
        return self._read_each(model, self._connection.walk(path, whole_items(filters)))

    def _read_each(self, model: type[Model], rows: Iterator[dict[str, Any]]) -> Iterator[Model]:
        for row in rows:
            yield read_row(model, row)

    def _preview(self, path: str, ask: ObservationBulk | DataProductBulk) -> BulkAnswer:
        return read(BulkAnswer, self._ask("POST", path, json=plain(ask.model_copy(update={"token": None}))))

    def _carry_out(self, path: str, ask: ObservationBulk | DataProductBulk, token: str) -> BulkAnswer:
        body = plain(ask.model_copy(update={"token": token}))
        return read(BulkAnswer, self._ask("POST", path, json=body, headers=once()))
