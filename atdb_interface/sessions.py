"""The session of a browser: what is sent to log in, and who is logged in."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name


class Login(Wire):
    """A name and its password, for a session of a browser."""

    name: Name
    password: Annotated[str, Field(min_length=1, max_length=1000)]


class Me(BaseModel):
    """Who is logged in. In a browser's session every request that changes something carries `csrf_token`."""

    account: str
    role: str
    csrf_token: str | None
