"""`/atdb/tokens/`: the tokens of the account that asks; admins see those of all accounts."""

from sqlalchemy.orm import Session

from atdb_api.rest.auth import actor, is_admin, login
from atdb_api.rest.endpoint import endpoint
from atdb_api.rest.resources import TOKENS
from atdb_api.services import accounts
from atdb_api.views.resource_views import listing
from atdb_interface.errors import NotFound
from atdb_interface.roles import Capability
from atdb_interface.tokens import MadeToken, NewToken

views = listing(TOKENS)


@views.post("/")
@endpoint(Capability.READ, takes=NewToken, answers=MadeToken, status=201, by_token=False, answers_secret=True)
def create(session: Session, new: NewToken) -> MadeToken:
    """Create a token for the account that asks; its secret is shown only once.

    A token cannot be used to create another.
    """
    made, secret = accounts.make_token(session, actor(), new.name, new.lifetime(), actor=actor(), login=login())
    return MadeToken(
        id=made.id,
        account=made.account_name,
        name=made.name,
        created_at=made.created_at,
        expires_at=made.expires_at,
        secret=secret,
    )


@views.delete("/<int:token_id>/")
@endpoint(Capability.READ, status=204, refuses=(NotFound,))
def revoke(session: Session, token_id: int) -> None:
    """Revoke a token: it cannot be used from now on."""
    token = accounts.token_by_id(session, token_id)
    if token.account_name != actor() and not is_admin():
        raise NotFound(f"There is no token with id {token_id}.")
    accounts.revoke(session, token, actor=actor())
