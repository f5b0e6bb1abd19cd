"""Accounts, their tokens, failed logins, and stored answers to repeated requests."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from atdb_api.models.base import Base


class Account(Base):
    """A person or service that can log in: with a password, tokens, or both."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Token(Base):
    """A random secret that logs an account in. It is long, so its bare SHA-256 is safe, and fast.

    The session of a browser is also a token, which the browser keeps in a cookie.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("accounts.name", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    is_session: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    account: Mapped[Account] = relationship()


class FailedLogins(Base):
    """The number of recent failed logins of a client with a name, whether or not an account has this name.

    Logins whose password is being checked are included.
    """

    __tablename__ = "failed_logins"

    address: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    last_at: Mapped[datetime]


class KeptAnswer(Base):
    """The answer to a POST with an Idempotency-Key, for when the client repeats the request."""

    __tablename__ = "kept_answers"

    account: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
