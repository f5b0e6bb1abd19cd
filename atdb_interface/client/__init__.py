"""The client of ATDB, the only code that sends HTTP requests to it. For event loops, see AsyncClient."""

from atdb_interface.client.sync_client import Client

__all__ = ["Client"]
