"""The client of ATDB, through an Airflow connection of type `atdb`."""

from typing import Any

from airflow.sdk import BaseHook

from atdb_interface.client import Client
from atdb_interface.client.async_client import AsyncClient
from atdb_interface.client.sync_connection import PATIENCE_SECONDS
from atdb_interface.errors import AtdbError


class AtdbHook(BaseHook):
    """Connect to ATDB. The connection: host (with http:// or https://), port, account and secret."""

    conn_name_attr = "atdb_conn_id"
    default_conn_name = "atdb_default"
    conn_type = "atdb"
    hook_name = "ATDB"

    def __init__(self, atdb_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.atdb_conn_id = atdb_conn_id

    def client(self, *, patience: float = PATIENCE_SECONDS) -> Client:
        """Open a client; close it, or use it as a context manager. `patience`: as Client takes it, in seconds."""
        return Client(**_credentials(self.get_connection(self.atdb_conn_id)), patience=patience)

    async def async_client(self) -> AsyncClient:
        """Open a client for the event loop of a trigger. It never retries, because the trigger does."""
        return AsyncClient(**_credentials(await self.aget_connection(self.atdb_conn_id)), patience=0)

    def test_connection(self) -> tuple[bool, str]:
        """Log in; the button *Test* of Airflow's connections calls this."""
        try:
            with self.client(patience=0) as client:
                me = client.me()
        except AtdbError as error:
            return False, str(error)
        return True, f"Logged in to ATDB as {me.account}, role {me.role}"


def _credentials(connection: Any) -> dict[str, Any]:
    host = connection.host or ""
    url = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    if connection.port:
        url = f"{url}:{connection.port}"
    return {"url": url, "user": connection.login, "secret": connection.password}
