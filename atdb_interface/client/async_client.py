"""The client of ATDB from an event loop. Only clients and their connections send HTTP requests to ATDB."""

from collections.abc import AsyncIterator
from typing import Any, Self

import httpx

from atdb_interface.client.async_connection import PATIENCE_SECONDS, AsyncConnection
from atdb_interface.client.async_methods.accounts import AsyncAccountMethods
from atdb_interface.client.async_methods.claims import AsyncClaimMethods
from atdb_interface.client.async_methods.dataproducts import AsyncDataProductMethods
from atdb_interface.client.async_methods.observations import AsyncObservationMethods
from atdb_interface.client.async_methods.records import AsyncRecordMethods
from atdb_interface.client.async_methods.services import AsyncServiceMethods
from atdb_interface.client.async_methods.transitions import AsyncTransitionMethods
from atdb_interface.client.exchange import parameters, read
from atdb_interface.health import Health


class AsyncClient(
    AsyncObservationMethods,
    AsyncTransitionMethods,
    AsyncDataProductMethods,
    AsyncClaimMethods,
    AsyncRecordMethods,
    AsyncServiceMethods,
    AsyncAccountMethods,
):
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
        super().__init__(
            AsyncConnection(url, user=user, secret=secret, token=token, patience=patience, transport=transport)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def health(self) -> Health:
        """Return whether ATDB can answer, and whether its database has the schema that this ATDB needs."""
        return read(Health, await self._ask("GET", "health/"))

    def rows(self, resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield any list as plain dicts, for example `rows("observations", fields=["taskID", "my_status"])`."""
        return self._connection.walk(f"{resource}/", parameters(filters))
