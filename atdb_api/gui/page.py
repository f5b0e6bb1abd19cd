"""The common parts of all pages of the GUI: access, the message after a form, and the page of an error."""

import base64
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, g, json, make_response, render_template, request
from pydantic import ValidationError

from atdb_api.database import transaction
from atdb_api.html import layout, login_page
from atdb_api.rest import auth
from atdb_api.rest.admission import admitted
from atdb_api.rest.problems import bad_request
from atdb_interface.errors import AtdbError, Unauthorized
from atdb_interface.roles import Capability

#: Further fields of forms: the URL to return to, and the token of a preview.
BACK, TOKEN = "back", "token"
_MESSAGE = "atdb_message"
_PROBLEM = "application/problem+json"
View = Callable[..., Any]


def init_app(gui: Blueprint) -> None:
    """Show messages and problems on pages."""
    gui.after_request(_as_page)
    gui.add_app_template_global(csrf_token)

    @gui.app_context_processor
    def _message() -> dict[str, Any]:
        return {"take_message": _take_message}


def page(needs: Capability, *, refused: View | None = None) -> Callable[[View], View]:
    """Create a view from a function `(session, **parts of the URL)` that returns a page.

    `refused(session, error, **parts of the URL)` returns the page with the form that was refused; what the view
    did is rolled back before.
    """

    def make(view: View) -> View:
        @wraps(view)
        def run(**address: Any) -> Response:
            try:
                with admitted(needs) as session:
                    return make_response(view(session, **address))
            except ValidationError as error:
                problem: AtdbError = bad_request(error)
            except AtdbError as error:
                problem = error
            is_forged = "login" not in g
            if refused is None or is_forged or wants_json() or isinstance(problem, Unauthorized):
                raise problem
            with transaction(read_only=True) as session:
                return make_response(refused(session, problem, **address), problem.status)

        cast(Any, run).needs = needs
        return run

    return make


def wants_json() -> bool:
    """Return whether a script of a page sends this request."""
    return request.accept_mimetypes["application/json"] > request.accept_mimetypes["text/html"]


def done(message: str, default: str) -> Response:
    """Redirect to the page with the form, which shows what the form did; a script gets that as JSON."""
    if wants_json():
        return Response(json.dumps({"message": message}), content_type="application/json")
    response = layout.see_other(layout.local(request.form.get(BACK) or default))
    kept = base64.urlsafe_b64encode(message[:1000].encode()).decode()
    response.set_cookie(_MESSAGE, kept, max_age=60, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def csrf_token() -> str | None:
    """Return the CSRF token for the forms of a part; a part has no other information about the visitor."""
    return layout.visitor().csrf_token


def _take_message() -> str:
    """Return the message of the form before this page, only once."""
    kept = request.cookies.get(_MESSAGE, "")
    if not kept:
        return ""
    g.message_taken = True
    try:
        return base64.urlsafe_b64decode(kept).decode()
    except ValueError:
        return ""


def _as_page(response: Response) -> Response:
    response.vary.add("Accept")
    if response.status_code == 401:
        login_page.keep_basic_away(response)
    if response.mimetype == _PROBLEM and not wants_json():
        if response.status_code == 401:
            written = login_page.write_for(response, _again())
        else:
            written = render_template("gui/problem.html", problem=response.get_json())
        response.set_data(written)
        response.content_type = "text/html; charset=utf-8"
    if g.pop("message_taken", False):
        response.delete_cookie(_MESSAGE)
    return response


def _again() -> str:
    """Return the URL of this request; for a form, with the values that were sent."""
    if request.method in auth.SAFE_METHODS:
        return layout.here()
    typed = [(k, v) for k, v in request.form.items(multi=True) if k not in (auth.CSRF_FIELD, TOKEN)]
    return f"{layout.path()}?{urlencode(typed)}"
