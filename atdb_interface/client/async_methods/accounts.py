"""The methods of accounts and their tokens."""

from collections.abc import AsyncIterator
from typing import Any

from atdb_interface.client.async_methods.base import AsyncMethods
from atdb_interface.client.exchange import plain, read
from atdb_interface.sessions import Me
from atdb_interface.tokens import MadeToken, NewToken, Token


class AsyncAccountMethods(AsyncMethods):
    """Read the account of this client, and manage its tokens."""

    async def me(self) -> Me:
        """Return the account that this client has logged in to."""
        return read(Me, await self._ask("GET", "me/"))

    def tokens(self, **filters: Any) -> AsyncIterator[Token]:
        """Yield the tokens of this account. An admin sees those of all accounts."""
        return self._list("tokens/", Token, filters)

    async def create_token(self, name: str, days: int = 365) -> MadeToken:
        """Create a token for this account. Its secret is shown only once.

        If the answer is lost, the request is not retried, because ATDB does not keep the secret. Revoke the lost
        token, which is in `tokens()`, and create another one.
        """
        ask = NewToken(name=name, days=days)
        return read(MadeToken, await self._ask("POST", "tokens/", json=plain(ask), repeat=False))

    async def revoke_token(self, token_id: int) -> None:
        """Revoke a token immediately. Raises NotFound."""
        await self._ask("DELETE", f"tokens/{token_id}/")
