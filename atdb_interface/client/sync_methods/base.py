# Generated from async_methods/base.py by `make format`. Change that file.
"""What the methods of every resource share: the connection, lists and bulk changes."""

from collections.abc import Iterator, Mapping
from typing import Any

from atdb_interface.bulk import BulkAnswer, DataProductBulk, ObservationBulk
from atdb_interface.client.exchange import Model, once, plain, read, read_row, whole_items
from atdb_interface.client.sync_connection import Connection


class Methods:
    """The base of the methods of all resources."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ask = connection.ask

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
