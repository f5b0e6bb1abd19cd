"""The connection to ATDB from an event loop, with timeouts and retries."""

from asyncio import sleep
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from atdb_interface.client.backoff import Retries
from atdb_interface.client.exchange import Rows, certificates, checked, login, parameters, read
from atdb_interface.errors import NotFound, Unavailable
from atdb_interface.reasons import quote

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
#: How long a request that is safe to repeat is retried while ATDB cannot be reached.
PATIENCE_SECONDS = 30.0
PAGE_SIZE = 1000


class AsyncConnection:
    """The connection to the ATDB at `url`. See AsyncClient for the arguments."""

    def __init__(
        self,
        url: str,
        *,
        user: str | None,
        secret: str | None,
        token: str | None,
        patience: float,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/atdb/",
            auth=login(user, secret, token),
            timeout=TIMEOUT,
            transport=transport,
            trust_env=False,
            verify=certificates(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, method: str, path: str, *, repeat: bool = True, **content: Any) -> httpx.Response:
        """Send a request and return ATDB's answer. `content`: `params`, `json` and `headers`, as in httpx.

        While ATDB cannot be reached, the request is retried until the patience ends. With `repeat=False`, it is
        sent only once. Raises the error in the answer, and Unavailable.
        """
        retries = Retries(self._patience if repeat else 0)
        while True:
            try:
                return checked(await self._send(method, path, content))
            except Unavailable as failure:
                await sleep(retries.pause_seconds(failure))
            except NotFound:
                if method == "DELETE" and retries.begun:
                    return httpx.Response(204)  # an earlier attempt has deleted it, and its answer was lost
                raise

    async def _send(self, method: str, path: str, content: Mapping[str, Any]) -> httpx.Response:
        try:
            return await self._http.request(method, path, **content)
        except httpx.TransportError as error:
            advice = "Check the network, and that ATDB is running."
            raise Unavailable(
                f"ATDB at {self._http.base_url} cannot be reached: {quote(error)}. {advice}"
            ) from error

    async def walk(self, path: str, params: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of a list of any length.

        If rows come or go meanwhile, all others are still yielded once.
        """
        cursor: str | None = ""
        while cursor is not None:
            parameters = {"page_size": str(PAGE_SIZE), **params, "cursor": cursor}
            page = read(Rows, await self.ask("GET", path, params=parameters))
            for row in page.results:
                yield row
            cursor = page.next_cursor()

    async def count(self, path: str, filters: Mapping[str, Any]) -> int:
        """Return the number of rows in a list."""
        params = parameters({**filters, "fields": "id", "page_size": 1})
        return read(Rows, await self.ask("GET", path, params=params)).count or 0
