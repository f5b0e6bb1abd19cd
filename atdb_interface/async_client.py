"""The public name of the client for event loops."""

from atdb_interface.client.async_client import AsyncClient

__all__ = ["AsyncClient"]
