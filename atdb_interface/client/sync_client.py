# Generated from async_client.py by `make format`. Change that file.
"""The client of ATDB. Only clients and their connections send HTTP requests to ATDB."""

from collections.abc import Iterator
from typing import Any, Self

import httpx

from atdb_interface.client.exchange import parameters, read
from atdb_interface.client.sync_connection import PATIENCE_SECONDS, Connection
from atdb_interface.client.sync_methods.accounts import AccountMethods
from atdb_interface.client.sync_methods.claims import ClaimMethods
from atdb_interface.client.sync_methods.dataproducts import DataProductMethods
from atdb_interface.client.sync_methods.observations import ObservationMethods
from atdb_interface.client.sync_methods.records import RecordMethods
from atdb_interface.client.sync_methods.services import ServiceMethods
from atdb_interface.client.sync_methods.transitions import TransitionMethods
from atdb_interface.health import Health


class Client(
    ObservationMethods,
    TransitionMethods,
    DataProductMethods,
    ClaimMethods,
    RecordMethods,
    ServiceMethods,
    AccountMethods,
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            Connection(url, user=user, secret=secret, token=token, patience=patience, transport=transport)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def health(self) -> Health:
        """Return whether ATDB can answer, and whether its database has the schema that this ATDB needs."""
        return read(Health, self._ask("GET", "health/"))

    def rows(self, resource: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield any list as plain dicts, for example `rows("observations", fields=["taskID", "my_status"])`."""
        return self._connection.walk(f"{resource}/", parameters(filters))
