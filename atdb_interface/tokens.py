"""Tokens, with which programs log in to an account."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name, Time
from atdb_interface.text_values import NUMBER

LONGEST_TOKEN_DAYS = 3660


class NewToken(Wire):
    """A request for a token of the client's account. `name`: its purpose."""

    name: Name
    days: Annotated[int, Field(ge=1, le=LONGEST_TOKEN_DAYS), NUMBER] = 365

    def lifetime(self) -> timedelta:
        """Return the lifetime of the token."""
        return timedelta(days=self.days)


class Token(BaseModel):
    """A token as ATDB lists it, without its secret."""

    id: int
    account: str
    name: str
    created_at: Time
    expires_at: Time | None


class MadeToken(Token):
    """A new token. Its secret is shown only once."""

    secret: str
