"""The history: changes of status, other changes, and events."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from atdb_api.models.base import Base


class Transition(Base):
    """One change of status. A trigger in the database prevents changes and deletions.

    It holds the names of the observation and product, not references, because it stays when they are deleted.
    """

    __tablename__ = "transitions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    task_id: Mapped[str]
    dataproduct: Mapped[str | None]
    previous: Mapped[str | None]
    status: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    owner: Mapped[str | None]
    reason: Mapped[str]
    forced: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        Index("ix_transitions_task", "task_id", "dataproduct", "id"),
        Index("ix_transitions_at", "at"),
        # To find the observation that a run has worked on.
        Index(
            "ix_transitions_owner",
            "owner",
            "id",
            postgresql_where=text("owner is not null and dataproduct is null"),
        ),
    )


class Change(Base):
    """A change other than one of status: of fields, or of an account. Append-only."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    actor: Mapped[str]
    action: Mapped[str]
    task_id: Mapped[str | None] = mapped_column(index=True)
    dataproduct: Mapped[str | None]
    account: Mapped[str | None]
    fields: Mapped[dict[str, Any]]
    reason: Mapped[str]


class Event(Base):
    """Something that operators should know. Append-only."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    task_id: Mapped[str | None] = mapped_column(index=True)
    dataproduct: Mapped[str | None]
    detail: Mapped[str]
    actor: Mapped[str]
