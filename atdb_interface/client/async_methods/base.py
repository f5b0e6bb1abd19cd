"""What the methods of every resource share: the connection, lists and bulk changes."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from atdb_interface.bulk import BulkAnswer, DataProductBulk, ObservationBulk
from atdb_interface.client.async_connection import AsyncConnection
from atdb_interface.client.exchange import Model, once, plain, read, read_row, whole_items


class AsyncMethods:
    """The base of the methods of all resources."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._ask = connection.ask

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
