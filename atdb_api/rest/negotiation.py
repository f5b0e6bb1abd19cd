"""Content negotiation: browsers get pages, programs get JSON; and the method of a form.

A form can only POST. The forms of ATDB's pages, which are sent in a session, name their method in the URL:
`?_method=PATCH`. Requests of programs, with JSON or their own credentials, are not changed.
"""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import SecurityError
from werkzeug.http import parse_accept_header, parse_cookie

from atdb_api.rest.auth import COOKIE
from atdb_api.rest.request_body import FORM

ROOT = "/atdb/"
METHOD = "_method"
_FORM_METHODS = ("PATCH", "DELETE")
_AS_JSON = "format=json"
_PAGE = "atdb.page"


def init_app(app: Flask) -> None:
    """Add this step in front of the application."""
    app.wsgi_app = _Negotiation(app.wsgi_app)  # type: ignore[method-assign]


def is_ours(path: str) -> bool:
    """Return whether a path is one of the API."""
    return f"{path}/".startswith(ROOT)


def wants_page() -> bool:
    """Return whether this request comes from a browser, which gets a page. A request to another host gets none."""
    return bool(request.environ.get(_PAGE)) and not isinstance(request.routing_exception, SecurityError)


class _Negotiation:
    """The WSGI middleware in front of the application: views see neither `format=json` nor `_method`."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_ours(environ.get("PATH_INFO", "")):
            parts = environ.get("QUERY_STRING", "").split("&")
            kept = [part for part in parts if part != _AS_JSON]
            if kept == parts and _prefers_html(environ):
                environ[_PAGE] = True
                # A browser may ask for a page with the ETag of the JSON that a script got from the same URL.
                environ.pop("HTTP_IF_NONE_MATCH", None)
            if _is_our_form(environ):
                for method in _FORM_METHODS:
                    if f"{METHOD}={method}" in kept:
                        environ["REQUEST_METHOD"] = method
                        kept.remove(f"{METHOD}={method}")
                        break
            environ["QUERY_STRING"] = "&".join(kept)
        return self._application(environ, start_response)


def _prefers_html(environ: WSGIEnvironment) -> bool:
    accepted: Any = parse_accept_header(environ.get("HTTP_ACCEPT", ""), MIMEAccept)
    return bool(accepted["text/html"] > accepted["application/json"])


def _is_our_form(environ: WSGIEnvironment) -> bool:
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    in_session = "HTTP_AUTHORIZATION" not in environ and COOKIE in parse_cookie(environ)
    return environ["REQUEST_METHOD"] == "POST" and kind == FORM and in_session
