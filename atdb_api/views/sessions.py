"""`/atdb/login/`, `/atdb/logout/`, `/atdb/me/`: the session of a browser, and the account of a request."""

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from atdb_api.html import layout, login_page
from atdb_api.rest import auth
from atdb_api.rest.endpoint import answer, endpoint
from atdb_api.rest.request_body import FORM, NEXT
from atdb_api.services import accounts
from atdb_interface.errors import Unauthorized
from atdb_interface.roles import Capability
from atdb_interface.sessions import Login, Me

views = Blueprint("sessions", __name__)


@views.get("/login/")
def login_form() -> str:
    """Return the login page; `next`: the URL to open after the login."""
    return login_page.write(request.args.get(NEXT, ""))


@views.post("/login/")
@endpoint(None, takes=Login, answers=Me, refuses=(Unauthorized,))
def log_in(session: Session, given: Login) -> Response:
    """Start a session, whose cookie the browser sends with all further requests.

    After a form, the browser is redirected to `next`.
    """
    auth.refuse_other_sites()
    login = auth.check_password(session, given.name, given.password)
    if login.token is not None:  # a session could create tokens that outlive this one
        raise Unauthorized("This is a token, not a password. Log in with the password of the account.")
    _, secret = accounts.make_token(
        session,
        login.account,
        "session",
        accounts.SESSION_LIFETIME,
        actor=login.account,
        is_session=True,
        login=login,
    )
    if request.mimetype == FORM:
        response = layout.see_other(layout.local(request.form.get(NEXT, "")))
    else:
        response = answer(_me(login, auth.csrf_token_of(secret)), 200)
    auth.start_session(response, secret)
    return response


@views.post("/logout/")
@endpoint(Capability.READ, status=204)
def log_out(session: Session) -> Response:
    """End the session of this request.

    After a form, the browser is redirected to the login page.
    """
    login = auth.login()
    if login.token and login.is_session:
        accounts.revoke(session, login.token, actor=login.account)
    is_form = request.mimetype == FORM
    response = layout.see_other(url_for(".login_form")) if is_form else Response(status=204)
    auth.end_session(response)
    return response


@views.get("/me/")
@endpoint(Capability.READ, answers=Me)
def me(_: Session) -> Me:
    """Return the account of this request."""
    return _me(auth.login(), auth.csrf_token())


def _me(login: accounts.Login, csrf_token: str | None) -> Me:
    return Me(account=login.account, role=login.role or "", csrf_token=csrf_token)
