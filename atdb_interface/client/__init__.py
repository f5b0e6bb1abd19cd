"""The client of ATDB, the only code that speaks HTTP to it. `Client` waits; async_client.AsyncClient is for event loops."""

from atdb_interface.client.sync_client import Client

__all__ = ["Client"]
