"""An Airflow connection of type `atdb`, turned into a client of ATDB."""

from typing import Any

from airflow.providers.http.hooks.http import HttpHook

from atdb_interface.async_client import AsyncClient
from atdb_interface.client import Client
from atdb_interface.connection import PATIENCE_SECONDS


class AtdbHook(HttpHook):
    """Speak to ATDB: host (with http:// or https://) and port, login the account, password its secret."""

    conn_name_attr = "atdb_conn_id"
    default_conn_name = "atdb_default"
    conn_type = "atdb"
    hook_name = "ATDB"

    def __init__(self, atdb_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(http_conn_id=atdb_conn_id, **kwargs)

    def client(self, *, patience: float = PATIENCE_SECONDS) -> Client:
        """Open a client; close it, or use it as a context manager. `patience`: as Client takes it, in seconds."""
        return Client(**_credentials(self.get_connection(self.http_conn_id)), patience=patience)

    async def watcher(self) -> AsyncClient:
        """Open a client for the event loop of a trigger, which looks again by itself: it is told each failure."""
        return AsyncClient(**_credentials(await self.aget_connection(self.http_conn_id)), patience=0)


def _credentials(connection: Any) -> dict[str, Any]:
    host = connection.host or ""
    url = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    if connection.port:
        url = f"{url}:{connection.port}"
    return {"url": url, "user": connection.login, "secret": connection.password}
