"""The public import of the client for event loops, which is defined in `client/async_client.py`."""

from atdb_interface.client.async_client import AsyncClient

__all__ = ["AsyncClient"]
