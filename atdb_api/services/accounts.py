"""The accounts of people and services: how their passwords and tokens are stored and checked.

People choose passwords, so only a slow hash of a password is stored. That hash is not computed for each request:
a process remembers, by a keyed digest, which password it has verified against which hash. A token is random and
long, so its bare SHA-256 is enough: it cannot be guessed.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.security import check_password_hash, generate_password_hash

from atdb_api.models import Account, Token
from atdb_api.services import changes
from atdb_interface.errors import BadRequest, NotFound, Unauthorized
from atdb_interface.roles import Capability, Role

SHORTEST_PASSWORD = 12
LONGEST_NAME = 100
TOKEN_PREFIX = "atdb_"  # noqa: S105 - what a scanner for leaked secrets can look for
SESSION_LIFETIME = timedelta(hours=12)
#: Each check of a password takes tens of megabytes for tens of milliseconds, so a process runs only a few at once.
CHECKS = BoundedSemaphore(2)

_WRONG = "Unknown account, or wrong password or token."
_NOBODY = generate_password_hash("the password of no account")


@dataclass(frozen=True)
class Login:
    """Who makes a request. `role`: None for a client that may do nothing; `token`: the one it sent, if any.

    `password_hash`: the hash of the account's password when it logged in.
    """

    account: str
    role: Role | None
    token: Token | None = None
    password_hash: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, account: Account, token: Token | None = None) -> Self:
        """Return the login of an account with its password, or with a token."""
        return cls(account.name, Role(account.role), token, account.password_hash)

    def may(self, needs: Capability) -> bool:
        """Return whether the account has one of these capabilities."""
        return self.role is not None and self.role.may(needs)

    @property
    def is_session(self) -> bool:
        """Return whether it is the session of a browser."""
        return self.token is not None and self.token.is_session


def put(session: Session, name: str, *, role: Role | None, password: str | None, actor: str) -> None:
    """Create an account, or change its role or password. Raises BadRequest, and NotFound without a role."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or ":" in name:
        raise BadRequest(f"An account name must have 1 to {LONGEST_NAME} printable characters and no colon.")
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise BadRequest(f"A password must have at least {SHORTEST_PASSWORD} characters.")
    account = session.get(Account, name, with_for_update=True)
    if account is None and role is None:
        raise NotFound(f"There is no account {name}. To create it, give it a role.")
    done = {}
    if account is None:
        account = Account(name=name, role=role if role else "")
        session.add(account)
        done["role"] = [None, account.role]
    elif role and role != account.role:
        done["role"] = [account.role, role]
        account.role = role
    before = account.password_hash
    if password is not None and not (before and check_password_hash(before, password)):
        account.password_hash = generate_password_hash(password)
        done["password"] = [None, "changed"]
        _end_tokens(session, name)
    if done:
        changes.record(session, "account changed", actor=actor, account=name, fields=done)


def set_disabled(session: Session, name: str, disabled: bool, *, actor: str) -> None:
    """Disable an account, which ends its tokens and sessions, or enable it again. Raises NotFound."""
    account = _account(session, name, with_for_update=True)
    account.disabled = disabled
    if disabled:
        _end_tokens(session, name)
    changes.record(session, "account disabled" if disabled else "account enabled", actor=actor, account=name)


def make_token(
    session: Session,
    account: str,
    name: str,
    lifetime: timedelta | None,
    *,
    actor: str,
    is_session: bool = False,
    login: Login | None = None,
) -> tuple[Token, str]:
    """Create a token; return it and its secret, which is stored nowhere.

    `login`: the login that asks for it. Raises NotFound, and Unauthorized if the password has changed since, or if
    the account was disabled.
    """
    _lock_password(session, account, login)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    token = Token(
        account_name=account,
        name=name,
        sha256=_sha256(secret),
        is_session=is_session,
        created_at=now,
        expires_at=now + lifetime if lifetime else None,
    )
    session.add(token)
    session.flush()
    if not is_session:
        changes.record(session, "token made", actor=actor, account=account, fields={"token": [None, name]})
    return token, secret


def revoke(session: Session, token: Token, *, actor: str) -> None:
    """Revoke a token: it cannot be used from now on."""
    if not token.is_session:
        fields = {"token": [token.name, None]}
        changes.record(session, "token revoked", actor=actor, account=token.account_name, fields=fields)
    session.delete(token)


def token_by_id(session: Session, token_id: int) -> Token:
    """Return a token. Raises NotFound."""
    token = session.get(Token, token_id)
    if token is None or token.is_session:
        raise NotFound(f"There is no token with id {token_id}.")
    return token


def log_in_with_token(session: Session, secret: str, *, is_session: bool = False) -> Login:
    """Return the account of a token. Raises Unauthorized."""
    token = session.scalar(
        select(Token).where(Token.is_session == is_session, _is_good(secret)).options(joinedload(Token.account))
    )
    if token is None or token.account.disabled:
        raise Unauthorized("The session has ended. Log in again." if is_session else _WRONG)
    return Login.of(token.account, token)


def recognise(session: Session, name: str, secret: str) -> Login | None:
    """Return the login with a token of an account, or with a password that this process has verified before."""
    account = _enabled(session, name)
    if account is None:
        return None
    if _VERIFIED.holds(account, secret):
        return Login.of(account)
    matching = select(Token).where(Token.account_name == name, ~Token.is_session, _is_good(secret))
    token = session.scalar(matching)
    return Login.of(account, token) if token else None


def log_in(session: Session, name: str, password: str) -> Login:
    """Log in with the password of an account, which takes long. Raises Unauthorized.

    Count the login before, and hold CHECKS.
    """
    account = _enabled(session, name)
    password_hash = account.password_hash if account else None
    # To refuse an unknown name takes as long as to refuse a wrong password, so that no client can find names.
    is_right = check_password_hash(password_hash or _NOBODY, password)
    if account is None or password_hash is None or not is_right:
        raise Unauthorized(_WRONG)
    _VERIFIED.remember(account, password)
    return Login.of(account)


def _enabled(session: Session, name: str) -> Account | None:
    account = session.get(Account, name) if "\0" not in name else None
    return None if account is None or account.disabled else account


def _account(session: Session, name: str, **options: Any) -> Account:
    account = session.get(Account, name, **options)
    if account is None:
        raise NotFound(f"There is no account {name}.")
    return account


def _lock_password(session: Session, name: str, login: Login | None) -> None:
    """Lock the password of an account until the transaction ends.

    A change of the password deletes all tokens of the account, and so does its disabling. So a token is created
    either before that, or by a login after it. Raises NotFound, and Unauthorized if the login was before that.
    """
    account = _account(session, name, with_for_update={"read": True}, populate_existing=True)
    if login is None:
        return
    if account.disabled:
        raise Unauthorized("The account has just been disabled. Ask an administrator.")
    if account.password_hash != login.password_hash:
        raise Unauthorized("The password of the account has just been changed. Log in again.")


def _end_tokens(session: Session, name: str) -> None:
    """Delete the tokens and sessions of an account."""
    session.execute(delete(Token).where(Token.account_name == name))


def _is_good(secret: str) -> ColumnElement[bool]:
    unexpired = or_(Token.expires_at.is_(None), Token.expires_at > datetime.now(UTC))
    return and_(Token.sha256 == _sha256(secret), unexpired)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class _Verified:
    """The passwords that this process has verified: a keyed digest of each, with the hash that it matched."""

    MOST = 1000

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._hashes: OrderedDict[bytes, str | None] = OrderedDict()
        self._lock = Lock()

    def holds(self, account: Account, password: str) -> bool:
        """Return whether this is known to be the account's present password."""
        verified = self._hashes.get(self._digest(account, password))
        return verified is not None and verified == account.password_hash

    def remember(self, account: Account, password: str) -> None:
        """Remember a password that was verified."""
        with self._lock:
            self._hashes[self._digest(account, password)] = account.password_hash
            while len(self._hashes) > self.MOST:
                self._hashes.popitem(last=False)

    def _digest(self, account: Account, password: str) -> bytes:
        text = f"{account.name}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256")


_VERIFIED = _Verified()
