"""The start of every request, to the API or a page: its transaction, and the check of the account's role."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy.orm import Session

from atdb_api.database import transaction
from atdb_api.rest import auth
from atdb_api.rest.request_body import refuse_nul
from atdb_api.roles import Role


@contextmanager
def admitted(needs: Role | None) -> Iterator[Session]:
    """Open the transaction of this request, if its account has at least this role. None allows all clients.

    Raises Unauthorized, TooManyAttempts and Forbidden. For a NUL character, raises NotFound or BadRequest.
    """
    request.get_data()  # first, so that no database connection waits for a slow client
    with transaction(read_only=request.method in auth.SAFE_METHODS) as session:
        if needs is not None:
            auth.authenticate(session)
            auth.require(needs)
        refuse_nul()
        yield session
