"""The login page, and the answers that lead to it."""

from typing import Any

from flask import Response, g, render_template, request

from atdb_api.html import layout
from atdb_api.rest import auth


def write(next_address: str, problem: dict[str, Any] | None = None, name: str = "") -> str:
    """Return the login page; after the login, the browser opens the next address."""
    return render_template(
        "login.html", is_login=True, next=layout.local(next_address), problem=problem, name=name
    )


def write_for(refusal: Response, next_address: str) -> str:
    """Return the login page in place of a refusal; it shows the problem only if a session has ended."""
    if "login" not in g:  # without its cookie, the browser is an anonymous client
        auth.end_session(refusal)
    return write(next_address, refusal.get_json() if auth.COOKIE in request.cookies else None)


def keep_basic_away(refusal: Response) -> None:
    """Prevent the browser from asking for a password itself, as it does for HTTP Basic."""
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="ATDB"'
