"""The common parts of all pages: their visitor and their navigation. The template is base.html."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request
from flask_bootstrap import Bootstrap5

from atdb_api.database import DatabaseError, transaction
from atdb_api.rest import auth
from atdb_api.rest.endpoint import contracts
from atdb_api.services import accounts
from atdb_interface.errors import AtdbError
from atdb_interface.roles import Capability, Role

START = "/tasks/"


@dataclass(frozen=True)
class Visitor:
    """The user of a page. `csrf_token`: for its forms; without one the page has no forms."""

    account: str
    role: Role | None
    csrf_token: str | None

    @property
    def is_known(self) -> bool:
        """Return whether the visitor is logged in."""
        return self.account != auth.ANONYMOUS

    def may(self, needs: Capability | None) -> bool:
        """Return whether the visitor can use a form that needs one of these capabilities."""
        return self.csrf_token is not None and (needs is None or (self.role is not None and self.role.may(needs)))


def init_app(app: Flask) -> None:
    """Provide templates with Bootstrap, from this host, and the values of base.html."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)

    @app.context_processor
    def _frame() -> dict[str, Any]:
        next_address = here() if request.method in auth.SAFE_METHODS else None
        return {"visitor": visitor(), "resources": _resources(), "login_next": next_address}


def local(address: str) -> str:
    """Return `address` if it is a path of this host, else the URL of the start page.

    Browsers treat a backslash as a slash, and drop control characters.
    """
    return address if re.fullmatch(r"/(?!/)[!-\[\]-~]*", address) else START


def see_other(address: str) -> Response:
    """Redirect a browser, which then sends a GET."""
    return Response(status=303, headers={"Location": address})


def path() -> str:
    """Return the path of this request."""
    return quote(request.script_root + request.path)


def here() -> str:
    """Return the path and query of this request."""
    query = request.query_string.decode("ascii", "replace")
    return f"{path()}?{query}" if query else path()


def visitor() -> Visitor:
    """Return the user of this request, also for an answer that requires no login."""
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
    """Return the names of the resources that can be read without parameters."""
    return [
        path.split("/")[2]
        for (path, method), contract in contracts().items()
        if method == "GET" and (contract.lists or contract.filters)
        if not any(parameter.required for parameter in contract.parameters)
    ]
