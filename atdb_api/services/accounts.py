"""The accounts of people and services: who they are, and what is stored of their secrets."""

import hashlib
import hmac

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from atdb_api.models import Account
from atdb_api.roles import Role
from atdb_interface.errors import BadRequest, Unauthorized

SHORTEST_SECRET = 20


def put(session: Session, name: str, role: Role, secret: str) -> None:
    """Make an account, or give it another role and secret.

    A secret is random and long, so its bare SHA-256 cannot be guessed back, and no slow password hash is
    computed for each request. Raises BadRequest for a short one.
    """
    if len(secret) < SHORTEST_SECRET:
        raise BadRequest(f"a secret has at least {SHORTEST_SECRET} random characters")
    values = {"role": role.name.lower(), "secret_sha256": _hash(secret)}
    account = insert(Account).values(name=name, **values)
    session.execute(account.on_conflict_do_update(index_elements=[Account.name], set_=values))


def log_in(session: Session, name: str, secret: str) -> Role:
    """Give the role of an account. Raises Unauthorized."""
    account = session.get(Account, name) if "\0" not in name else None
    if account is None or not hmac.compare_digest(account.secret_sha256, _hash(secret)):
        raise Unauthorized("no such account, or a wrong secret")
    return Role[account.role.upper()]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
