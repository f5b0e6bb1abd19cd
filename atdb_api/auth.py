"""Who asks, and may they: HTTP Basic or Bearer with every request, answered from one indexed row.

A secret is 256 random bits that ATDB's operators generate, so its SHA-256 cannot be guessed back, and no slow
password hash is needed for each request.
"""

import hashlib
import hmac

from flask import Flask, g, request

from atdb_api.database import transaction
from atdb_api.models import Account
from atdb_api.roles import Role
from atdb_interface.errors import Forbidden, Unauthorized

ANONYMOUS = "anonymous"
_NEEDED = {"GET": Role.VIEWER, "HEAD": Role.VIEWER, "OPTIONS": Role.VIEWER, "DELETE": Role.OPERATOR}


def secret_hash(secret: str) -> str:
    """Give what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def actor() -> str:
    """Name the account that makes this request."""
    return str(g.actor)


def init_app(app: Flask, anonymous_role: Role | None) -> None:
    """Check every request but those of open endpoints (`view.is_open = True`)."""

    @app.before_request
    def _check() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if view is None or getattr(view, "is_open", False):
            return
        g.actor, role = _log_in(anonymous_role)
        needed = _NEEDED.get(request.method, Role.SERVICE)
        if role is None or role < needed:
            if g.actor == ANONYMOUS:
                raise Unauthorized("this needs an account: send its name and secret by HTTP Basic")
            raise Forbidden(f"{request.method} here needs the role {needed.name.lower()}")


def _log_in(anonymous_role: Role | None) -> tuple[str, Role | None]:
    credentials = request.authorization
    if credentials is None:
        return ANONYMOUS, anonymous_role
    if credentials.type == "basic":
        name, secret = credentials.username or "", credentials.password or ""
    elif credentials.type == "bearer":
        name, _, secret = (credentials.token or "").partition(":")
    else:
        raise Unauthorized("send name and secret by HTTP Basic, or as a Bearer token `name:secret`")
    if "\0" in name:
        raise Unauthorized("no such account, or a wrong secret")
    with transaction() as session:
        account = session.get(Account, name)
        if account is None or not hmac.compare_digest(account.secret_sha256, secret_hash(secret)):
            raise Unauthorized("no such account, or a wrong secret")
        return account.name, Role[account.role.upper()]
