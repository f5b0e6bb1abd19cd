"""The only code that speaks HTTP to ATDB, with timeouts and retries by default."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from atdb_interface.errors import NotFound, Unavailable, Unexpected, from_problem
from atdb_interface.lifecycle import Status
from atdb_interface.models import (
    Claim,
    ClaimRequest,
    DataProduct,
    HeldLease,
    Lease,
    Move,
    NewDataProduct,
    NewObservation,
    Observation,
    ProductMove,
    ProductMoves,
    Transition,
)

Model = TypeVar("Model", bound=BaseModel)

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
#: How long a request that is safe to repeat is repeated while ATDB cannot be reached.
PATIENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 4.0


class Client:
    """Speak to ATDB at `url` (without `/atdb/`), as the account `user`.

    Every method raises the errors of `atdb_interface.errors`. While ATDB cannot be reached, what is safe to
    repeat is asked again for `patience` seconds; then Unavailable.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        secret: str | None = None,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/atdb/",
            auth=(user, secret or "") if user else None,
            timeout=TIMEOUT,
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def create_observation(self, new: NewObservation | Mapping[str, Any]) -> Observation:
        """Submit a specification. Not repeated where the answer is lost; asked again it is a Duplicate."""
        return Observation(**self._ask("POST", "observations/", json=_plain(new), repeat=False))

    def observation(self, task_id: str) -> Observation:
        """Get one observation by its taskID. Raises NotFound."""
        for found in self.observations(taskID=task_id):
            return found
        raise NotFound(f"no observation has taskID {task_id}")

    def observations(self, **filters: Any) -> Iterator[Observation]:
        """Walk through the observations that match, such as `observations(my_status="valid")`."""
        return self._list("observations/", Observation, filters)

    def change_observation(self, observation_id: int, **fields: Any) -> Observation:
        """Change some fields, or ask for a move by `new_status`."""
        return Observation(**self._ask("PATCH", f"observations/{observation_id}/", json=fields))

    def delete_observation(self, observation_id: int) -> None:
        """Delete an observation that never started."""
        self._ask("DELETE", f"observations/{observation_id}/", repeat=False)

    def count_observations(self, **filters: Any) -> int:
        """Count the observations that match."""
        answer = self._ask("GET", "observations/", params={**filters, "page_size": 1})
        return int(answer["count"])

    def move(
        self,
        task_id: str,
        status: Status,
        *,
        expect: Collection[Status] | None = None,
        owner: str | None = None,
        lease_seconds: int | None = None,
        reason: str = "",
    ) -> Transition:
        """Move an observation; the transition that led to the status, an older one where it had it already.

        Raises ForbiddenMove, and NotOwner where somebody else works on it. Safe to repeat.
        """
        ask = Move(
            taskID=task_id,
            name=status,
            expect=list(expect) if expect is not None else None,
            owner=owner,
            lease_seconds=lease_seconds,
            reason=reason,
        )
        return Transition(**self._ask("POST", "status/", json=_plain(ask)))

    def history(self, **filters: Any) -> Iterator[Transition]:
        """Walk through transitions, oldest first: `history(taskID="190405034")`."""
        return self._list("status/", Transition, filters)

    def create_dataproducts(self, new: Iterable[NewDataProduct]) -> list[DataProduct]:
        """Make data products, all or none."""
        answer = self._ask("POST", "dataproducts/", json=[_plain(product) for product in new], repeat=False)
        return [DataProduct(**product) for product in answer]

    def dataproducts(self, **filters: Any) -> Iterator[DataProduct]:
        """Walk through the data products that match."""
        return self._list("dataproducts/", DataProduct, filters)

    def change_dataproduct(self, product_id: int, **fields: Any) -> DataProduct:
        """Change some fields, or ask for a move by `new_status`."""
        return DataProduct(**self._ask("PATCH", f"dataproducts/{product_id}/", json=fields))

    def move_products(self, task_id: str, moves: list[ProductMove], *, owner: str | None = None) -> None:
        """Change many products of one observation, all or none. Safe to repeat."""
        ask = ProductMoves(taskID=task_id, owner=owner, moves=moves)
        self._ask("POST", "dataproducts/moves/", json=_plain(ask))

    def claim(self, request: ClaimRequest) -> Claim:
        """Claim waiting observations; the same claim id gives the same answer, so it is safe to repeat."""
        return Claim(**self._ask("POST", "claims/", json=_plain(request)))

    def renew(self, task_id: str, owner: str, lease_seconds: int) -> HeldLease:
        """Prolong the lease of the owner who works on an observation. Raises NotOwner."""
        ask = Lease(taskID=task_id, owner=owner, lease_seconds=lease_seconds)
        return HeldLease(**self._ask("POST", "leases/", json=_plain(ask)))

    def leases(self, **filters: Any) -> Iterator[HeldLease]:
        """Walk through the leases that match; `expires_at__lt` finds the lost ones."""
        return self._list("leases/", HeldLease, filters)

    def _list(self, path: str, model: type[Model], filters: Mapping[str, Any]) -> Iterator[Model]:
        params: dict[str, Any] = {"page_size": 1000, **filters}
        number = 1
        while True:
            try:
                answer = self._ask("GET", path, params={**params, "page": number})
            except NotFound:
                if number == 1:
                    raise
                return  # what matches has become less since the last page
            yield from (model(**item) for item in answer["results"])
            if not answer["next"]:
                return
            number += 1

    def _ask(self, method: str, path: str, *, json: Any = None, params: Any = None, repeat: bool = True) -> Any:
        deadline = time.monotonic() + self._patience
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return read_answer(self._http.request(method, path, json=json, params=params))
            except httpx.TransportError as error:
                reached = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                failure = Unavailable(f"ATDB at {self._http.base_url} cannot be reached: {error}")
                if reached and not repeat:
                    raise failure from error
            except Unavailable as error:
                failure = error
            if time.monotonic() + pause > deadline:
                raise failure
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class AsyncWatcher:
    """Look at ATDB from an event loop without changing anything: what triggers need."""

    def __init__(self, url: str, *, user: str | None = None, secret: str | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/atdb/",
            auth=(user, secret or "") if user else None,
            timeout=TIMEOUT,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def count_waiting(self, statuses: Collection[Status]) -> int:
        """Count the observations that a claim of these statuses would give now."""
        return int((await self._get("claims/", statuses=",".join(statuses)))["waiting"])

    async def observation(self, task_id: str) -> Observation:
        """Get one observation by its taskID. Raises NotFound."""
        results = (await self._get("observations/", taskID=task_id))["results"]
        if not results:
            raise NotFound(f"no observation has taskID {task_id}")
        return Observation(**results[0])

    async def count_observations(self, **filters: Any) -> int:
        """Count the observations that match."""
        return int((await self._get("observations/", **filters, page_size=1))["count"])

    async def _get(self, path: str, **params: Any) -> Any:
        try:
            return read_answer(await self._http.get(path, params=params))
        except httpx.TransportError as error:
            raise Unavailable(f"ATDB at {self._http.base_url} cannot be reached: {error}") from error


def read_answer(response: httpx.Response) -> Any:
    """Give the answer's JSON, or raise the error that it is."""
    if response.is_success and response.status_code == 204:
        return None
    try:
        content = response.json()
    except ValueError:
        if response.is_success:
            raise Unexpected(f"{response.url} answered something that is not JSON") from None
        content = {}
    if response.is_success:
        return content
    raise from_problem(response.status_code, content if isinstance(content, dict) else {})


def _plain(model: BaseModel | Mapping[str, Any]) -> Any:
    if isinstance(model, BaseModel):
        return model.model_dump(mode="json", exclude_unset=True)
    return dict(model)
