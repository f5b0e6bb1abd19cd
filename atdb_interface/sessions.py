"""Browser sessions: the login request, and the account that is logged in."""

from typing import Annotated

from pydantic import BaseModel, Field

from atdb_interface.base_models import Wire
from atdb_interface.fields import Name


class Login(Wire):
    """The name and password of an account, to log in a browser."""

    name: Name
    password: Annotated[str, Field(min_length=1, max_length=1000)]


class Me(BaseModel):
    """The account that is logged in. In a browser session, requests that change something need `csrf_token`."""

    account: str
    role: str
    csrf_token: str | None
