"""The way into every request, of a program or a page: its one transaction, and whether who asks may."""

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
    """Open the transaction of this request for an account that has at least a role; None: for all.

    Raises Unauthorized, TooManyAttempts and Forbidden, and for a NUL character NotFound or BadRequest.
    """
    request.get_data()  # before a connection to the database waits for a slow client
    with transaction(read_only=request.method in auth.SAFE_METHODS) as session:
        if needs is not None:
            auth.authenticate(session)
            auth.require(needs)
        refuse_nul()
        yield session
