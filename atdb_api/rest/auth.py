"""Authentication and capabilities: HTTP Basic or a Bearer token with every request, or the session of a browser.

A browser sends its cookie automatically, so a change in a session must also carry the session's CSRF token, which
no other site can read. If the browser reports that a change comes from another site, it is always refused.
"""

import hmac
from urllib.parse import urlsplit

from flask import Response, current_app, g, request
from sqlalchemy.orm import Session

from atdb_api.database import transaction
from atdb_api.services import accounts, login_attempts
from atdb_api.services.accounts import SESSION_LIFETIME, Login
from atdb_interface.actions import ACTIONS, Action
from atdb_interface.base_models import Forcible
from atdb_interface.errors import Forbidden, Unauthorized
from atdb_interface.roles import Capability, roles_with

ANONYMOUS = "anonymous"
COOKIE = "atdb_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def actor() -> str:
    """Return the name of the account that makes this request."""
    return login().account


def login() -> Login:
    """Return the login of this request."""
    known: Login = g.login
    return known


def authenticate(session: Session) -> None:
    """Authenticate this request. Raises Unauthorized, TooManyAttempts, and Forbidden for a forgery."""
    refuse_other_sites()
    g.login = _log_in(session)


def require(needs: Capability) -> None:
    """Raise Unauthorized or Forbidden unless this request's account has one of these capabilities."""
    if login().may(needs):
        return
    if actor() == ANONYMOUS:
        raise Unauthorized(
            "This requires an account. Log in, or send a name and password by HTTP Basic, or a Bearer token."
        )
    raise Forbidden(
        f"This requires the role {roles_with(needs)}; {actor()} has {login().role}. Ask an ATDB admin for access."
    )


def is_admin() -> bool:
    """Return whether an admin makes this request."""
    return login().may(Capability.ADMINISTER)


def require_for_force(*asks: Forcible) -> None:
    """Raise Forbidden if one of these forces a move, and this account may not."""
    if any(ask.force for ask in asks):
        require(Capability.OPERATE)


def require_for_action(action: str | None, *, on_many: bool = False) -> None:
    """Raise Forbidden if this account does not have the capability that the table of actions requires."""
    if action is not None and action in ACTIONS:
        row = ACTIONS[Action(action)]
        require(row.needs_for_many if on_many else row.needs)


def require_password() -> None:
    """Raise Unauthorized or Forbidden unless the client sent a password, now or to start its session."""
    if actor() == ANONYMOUS:
        raise Unauthorized("This requires an account. Log in with a password.")
    if login().token and not login().is_session:
        raise Forbidden("A token is not enough for this. Log in with a password.")


def in_session() -> bool:
    """Return whether this request belongs to the session of a browser."""
    return "login" in g and login().is_session


def csrf_token() -> str | None:
    """Return the CSRF token of the session of this request; None without a session."""
    return csrf_token_of(request.cookies[COOKIE]) if in_session() else None


def csrf_token_of(cookie: str) -> str:
    """Derive the CSRF token of a session from its secret."""
    return hmac.new(cookie.encode("utf-8", "surrogatepass"), b"csrf", "sha256").hexdigest()


def start_session(response: Response, secret: str) -> None:
    """Store the session's token in the browser, where no script of a page can read it."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
    )


def end_session(response: Response) -> None:
    """Delete the session's cookie from the browser."""
    response.delete_cookie(COOKIE)


def check_password(session: Session, name: str, password: str) -> Login:
    """Log in with a name and a password or token; limit failures. Raises Unauthorized and TooManyAttempts."""
    if known := accounts.recognise(session, name, password):
        return known
    client = login_attempts.client_of(request.remote_addr)
    with accounts.CHECKS:
        with transaction() as another:  # the transaction of this request is rolled back if the password is wrong
            login_attempts.count(another, client, name)
        login = accounts.log_in(session, name, password)
        with transaction() as another:
            login_attempts.forget(another, client, name)
        return login


def _log_in(session: Session) -> Login:
    credentials = request.authorization
    if "Authorization" not in request.headers:
        return _of_session(session)
    if credentials and credentials.type == "basic":
        return check_password(session, credentials.username or "", credentials.password or "")
    if credentials and credentials.type == "bearer":
        return accounts.log_in_with_token(session, credentials.token or "")
    raise Unauthorized(
        "The Authorization header cannot be used. Send a name and password by HTTP Basic, or a Bearer token."
    )


def _of_session(session: Session) -> Login:
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return Login(ANONYMOUS, current_app.config["ANONYMOUS_ROLE"])
    session_login = accounts.log_in_with_token(session, cookie, is_session=True)
    if request.method not in SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD) or ""
        if not hmac.compare_digest(given.encode(), csrf_token_of(cookie).encode()):
            raise Forbidden(
                "A change in a session requires the CSRF token of the session. "
                f"Send it in the header {CSRF_HEADER} or the form field {CSRF_FIELD}."
            )
    return session_login


def refuse_other_sites() -> None:
    """Raise Forbidden if a browser reports that a change comes from another site."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    is_elsewhere = origin is not None and urlsplit(origin).netloc != request.host
    if is_elsewhere or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden("This request comes from another site. Changes are allowed only from pages of ATDB.")
