"""The settings of the stages, the deletion switch, the services, and the disks of the data hosts."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from atdb_api.models.base import Base


class StageSetting(Base):
    """The settings of a stage; each stage has a row. See atdb_interface/stages.py."""

    __tablename__ = "stages"

    stage: Mapped[str] = mapped_column(primary_key=True)
    paused_by: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None]
    slots: Mapped[int | None]
    delay_seconds: Mapped[int] = mapped_column(server_default=text("0"))


class DeletionSwitch(Base):
    """The deletion switch. Its only row names the account that has switched deletion off; nulls while it is on."""

    __tablename__ = "deletion"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stopped_by: Mapped[str | None]
    stopped_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Service(Base):
    """A service that has sent a heartbeat. `troubles`: its problems by status, and since when."""

    __tablename__ = "services"

    name: Mapped[str] = mapped_column(primary_key=True)
    statuses: Mapped[list[str]] = mapped_column(JSONB)
    detail: Mapped[str]
    last_seen: Mapped[datetime]
    troubles: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class DiskUsage(Base):
    """How full the disk of a data host was at a moment."""

    __tablename__ = "disk_usages"

    data_host: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    total_bytes: Mapped[int] = mapped_column(BigInteger)
    free_bytes: Mapped[int] = mapped_column(BigInteger)
