"""Who asks, and may they: HTTP Basic, or a Bearer token `name:secret`, with every request."""

from flask import Flask, g, request

from atdb_api.database import transaction
from atdb_api.roles import Role
from atdb_api.services import accounts
from atdb_interface.errors import Forbidden, Unauthorized

ANONYMOUS = "anonymous"
_NEEDED = {"GET": Role.VIEWER, "HEAD": Role.VIEWER, "OPTIONS": Role.VIEWER, "DELETE": Role.OPERATOR}


def actor() -> str:
    """Name the account that makes this request."""
    return str(g.actor)


def init_app(app: Flask, anonymous_role: Role | None) -> None:
    """Check every request but those of open endpoints (`view.is_open = True`)."""

    @app.before_request
    def _check() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if getattr(view, "is_open", False):
            return
        g.actor, role = _log_in(anonymous_role)
        needed = _NEEDED.get(request.method, Role.SERVICE)
        if role is None or role < needed:
            if g.actor == ANONYMOUS:
                raise Unauthorized("this needs an account: send its name and secret by HTTP Basic")
            raise Forbidden(f"{request.method} needs the role {needed.name.lower()}")


def _log_in(anonymous_role: Role | None) -> tuple[str, Role | None]:
    credentials = request.authorization
    if credentials is None:
        return ANONYMOUS, anonymous_role
    if credentials.type == "basic":
        name, secret = credentials.username or "", credentials.password or ""
    elif credentials.type == "bearer":
        name, _, secret = (credentials.token or "").partition(":")
    else:
        raise Unauthorized("send name and secret by HTTP Basic, or as a Bearer token name:secret")
    with transaction() as session:
        return name, accounts.log_in(session, name, secret)
