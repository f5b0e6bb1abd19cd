"""What all pages have in common: who looks at them, and the way to the others. The template is base.html."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request
from flask_bootstrap import Bootstrap5

from atdb_api.database import DatabaseError, transaction
from atdb_api.rest import auth
from atdb_api.rest.endpoint import contracts
from atdb_api.roles import Role
from atdb_api.services import accounts
from atdb_interface.errors import AtdbError

START = "/tasks/"


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. `csrf_token`: what the forms carry; without one there are none."""

    account: str
    role: Role | None
    csrf_token: str | None

    @property
    def is_known(self) -> bool:
        """Tell whether anybody is logged in."""
        return self.account != auth.ANONYMOUS

    def may(self, needed: Role | None) -> bool:
        """Tell whether a form for what needs this role is of use."""
        return self.csrf_token is not None and (needed is None or (self.role is not None and self.role >= needed))


def init_app(app: Flask) -> None:
    """Let templates use Bootstrap, from this host, and what base.html needs."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)

    @app.context_processor
    def _frame() -> dict[str, Any]:
        next_address = here() if request.method in auth.SAFE_METHODS else None
        return {"visitor": visitor(), "resources": _resources(), "login_next": next_address}


def local(address: str) -> str:
    """Give the address if it is a path of this host, else where all begins.

    Browsers take a backslash for a slash, and drop control characters.
    """
    return address if re.fullmatch(r"/(?!/)[!-\[\]-~]*", address) else START


def see_other(address: str) -> Response:
    """Lead a browser on, by GET."""
    return Response(status=303, headers={"Location": address})


def path() -> str:
    """Write the path of this request."""
    return quote(request.script_root + request.path)


def here() -> str:
    """Write the path and query of this request."""
    query = request.query_string.decode("ascii", "replace")
    return f"{path()}?{query}" if query else path()


def visitor() -> Visitor:
    """Find out who looks at a page, also of an answer for which nobody had to log in."""
    cookie = None if "Authorization" in request.headers else request.cookies.get(auth.COOKIE)
    login = g.login if "login" in g else _look(cookie)
    csrf_token = auth.csrf_token_of(cookie) if cookie and login.token else None
    return Visitor(login.account, login.role, csrf_token)


def _look(cookie: str | None) -> accounts.Login:
    if cookie:
        try:
            with transaction(read_only=True) as session:
                return accounts.log_in_with_token(session, cookie, is_session=True)
        except (AtdbError, DatabaseError):
            pass
    return accounts.Login(auth.ANONYMOUS, current_app.config["ANONYMOUS_ROLE"])


def _resources() -> list[str]:
    """Name what can be looked at without saying more."""
    return [
        path.split("/")[2]
        for (path, method), contract in contracts().items()
        if method == "GET" and (contract.lists or contract.filters)
        if not any(parameter.required for parameter in contract.parameters)
    ]
