"""The start of every request, to the API or a page: its transaction, and the check of what its account may do."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy.orm import Session

from atdb_api.database import transaction
from atdb_api.rest import auth
from atdb_api.rest.request_body import refuse_nul
from atdb_interface.roles import Capability


@contextmanager
def admitted(needs: Capability | None) -> Iterator[Session]:
    """Open the transaction of this request, for accounts with one of these capabilities; None: for all.

    Raises Unauthorized, TooManyAttempts and Forbidden, and for a NUL character NotFound or BadRequest.
    """
    request.get_data()  # first, so that no database connection waits for a slow client
    with transaction(read_only=request.method in auth.SAFE_METHODS) as session:
        if needs is not None:
            auth.authenticate(session)
            auth.require(needs)
        refuse_nul()
        yield session
