"""The client of ATDB: the only code that speaks HTTP to it. For an event loop: `async_client.AsyncClient`."""

from atdb_interface.client.sync_client import Client

__all__ = ["Client"]
