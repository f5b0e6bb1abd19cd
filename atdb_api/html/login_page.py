"""The way to the page on which to log in, from wherever that is needed."""

from typing import Any

from flask import Response, g, render_template, request

from atdb_api.html import layout
from atdb_api.rest import auth


def write(next_address: str, problem: dict[str, Any] | None = None, name: str = "") -> str:
    """Write the page; from there the browser goes on to the next address."""
    return render_template(
        "login.html", is_login=True, next=layout.local(next_address), problem=problem, name=name
    )


def write_for(refusal: Response, next_address: str) -> str:
    """Write the page for who must log in first; it tells the problem only where a session has ended."""
    if "login" not in g:  # without its cookie, the browser may do what anybody may
        auth.end_session(refusal)
    return write(next_address, refusal.get_json() if auth.COOKIE in request.cookies else None)


def keep_basic_away(refusal: Response) -> None:
    """Let no browser ask for a password by itself, as it does for HTTP Basic, while a script waits for that."""
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="ATDB"'
