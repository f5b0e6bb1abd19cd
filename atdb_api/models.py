"""The tables: observations, data products, their history, claims, work leases, stages and accounts.

Python names are snake_case here; `wire.py` maps them to the names of the wire.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from atdb_interface.lifecycle import ProductStatus, Status


class StatusText(TypeDecorator[StrEnum]):
    """A status: text in the database, a member of its enumeration in Python."""

    impl = Text
    cache_ok = True

    def __init__(self, statuses: type[Status] | type[ProductStatus]) -> None:
        super().__init__()
        self.statuses = statuses

    @property
    def python_type(self) -> type[str]:
        """Tell what it is where nobody knows of statuses."""
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write a status as text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """Read a status."""
        return None if value is None else self.statuses(value)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        float: Double,
        Status: StatusText(Status),
        ProductStatus: StatusText(ProductStatus),
    }


class Observation(Base):
    """One observation: its specification, and its status now."""

    __tablename__ = "observations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    task_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[Status]
    status_since: Mapped[datetime]
    held_from: Mapped[Status | None]
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    claimed_until: Mapped[datetime | None]
    claim_id: Mapped[str | None]
    #: By stage (or status, where no stage waits for it): how often it has been claimed for that.
    claim_numbers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))

    name: Mapped[str]
    task_type: Mapped[str]
    process_type: Mapped[str]
    observing_mode: Mapped[str]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    duration: Mapped[int] = mapped_column(
        Computed("(extract(epoch from (end_time - start_time)))::integer", persisted=True)
    )
    field_name: Mapped[str]
    field_ra: Mapped[float | None]
    field_dec: Mapped[float | None]
    field_ha: Mapped[float | None]
    field_beam: Mapped[int | None]
    beam_pattern: Mapped[str | None]
    integration_factor: Mapped[int | None]
    central_frequency: Mapped[float | None]
    start_band: Mapped[int | None]
    end_band: Mapped[int | None]
    telescopes: Mapped[str | None]
    science_mode: Mapped[str | None]
    number_of_bins: Mapped[int | None]
    par_file_name: Mapped[str | None]
    parset_location: Mapped[str | None]
    data_location: Mapped[str]
    #: As long as a name on a network can be; an index could not hold any length.
    data_host: Mapped[str] = mapped_column(
        Computed("\"left\"(split_part(data_location, ':'::text, 1), 253)", persisted=True)
    )
    node: Mapped[str | None]
    irods_collection: Mapped[str | None]
    control_parameters: Mapped[str | None]
    skip_auto_ingest: Mapped[bool]
    options: Mapped[dict[str, Any]]
    #: Of all its data products as far as that is known; a trigger in the database adds it up.
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    lease: Mapped["Lease | None"] = relationship(back_populates="observation", passive_deletes=True)

    def end_claim(self) -> None:
        """Make the observation, which must be locked, available to other claims."""
        self.claimed_until = self.claim_id = None

    __table_args__ = (
        CheckConstraint("end_time > start_time", name="end_after_start"),
        # An aborted observation may be submitted again.
        Index(
            "uq_observations_mode_field_start",
            "observing_mode",
            "field_name",
            "start_time",
            unique=True,
            postgresql_where=text("status <> 'aborted'"),
        ),
        Index("ix_observations_status_start", "status", "start_time"),
        Index("ix_observations_start_time", "start_time"),
        Index("ix_observations_claimed", "claimed_until", postgresql_where=text("claimed_until is not null")),
        # What lists are ordered and filtered by, so that they stay fast as history grows.
        Index("ix_observations_end_time", "end_time"),
        Index("ix_observations_status_since", "status_since"),
        Index("ix_observations_mode_start", "observing_mode", "start_time"),
        Index("ix_observations_name_start", "name", "start_time"),
        Index("ix_observations_data_host_start", "data_host", "start_time"),
        Index("ix_observations_size_start", "size_bytes", "start_time"),
    )


class DataProduct(Base):
    """One file or directory that an observation writes."""

    __tablename__ = "dataproducts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    observation_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("observations.id", ondelete="CASCADE"))
    task_id: Mapped[str]
    status: Mapped[ProductStatus]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    name: Mapped[str]
    filename: Mapped[str]
    description: Mapped[str]
    dataproduct_type: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None]
    quality: Mapped[str | None]
    node: Mapped[str | None]
    data_location: Mapped[str]
    archive_copy: Mapped[str | None]
    removal_forced_by: Mapped[str | None]
    removal_forced_reason: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("observation_id", "filename"),
        Index("ix_dataproducts_task_id", "task_id"),
        Index("ix_dataproducts_status", "status"),
    )


class Transition(Base):
    """One change of status. A trigger in the database refuses to change or delete any.

    It names its task and product instead of referring to their rows: history outlives what it tells of.
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
        # To find the task that a run has worked on.
        Index(
            "ix_transitions_owner",
            "owner",
            "id",
            postgresql_where=text("owner is not null and dataproduct is null"),
        ),
    )


class Change(Base):
    """A change that is no change of status: of fields, or of an account. Append-only as transitions are."""

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


class Claim(Base):
    """What a consumer was given once, kept so that the same claim asked again gets the same answer."""

    __tablename__ = "claims"

    id: Mapped[str] = mapped_column(primary_key=True)
    consumer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    tasks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class Lease(Base):
    """Who works on an observation in a working status. It is gone when the observation leaves that status."""

    __tablename__ = "leases"

    observation_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("observations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    owner: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    lost_owners: Mapped[int] = mapped_column(server_default=text("0"))
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    done_bytes: Mapped[int | None] = mapped_column(BigInteger)
    total_bytes: Mapped[int | None] = mapped_column(BigInteger)
    trouble: Mapped[str | None]
    trouble_since: Mapped[datetime | None]
    observation: Mapped[Observation] = relationship(back_populates="lease")


class StageSetting(Base):
    """How a stage is governed: there is a row for each. See atdb_interface/stages.py."""

    __tablename__ = "stages"

    stage: Mapped[str] = mapped_column(primary_key=True)
    paused_by: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None]
    slots: Mapped[int | None]
    delay_seconds: Mapped[int] = mapped_column(server_default=text("0"))


class Receipt(Base):
    """What was removed from a data host. Append-only, and outlives its product, as history does."""

    __tablename__ = "receipts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    task_id: Mapped[str] = mapped_column(index=True)
    dataproduct: Mapped[str]
    data_location: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None]
    archive_copy: Mapped[str | None]
    actor: Mapped[str]
    owner: Mapped[str | None]
    forced: Mapped[bool]
    reason: Mapped[str]


class StoredReport(Base):
    """The report of a night. Append-only, as history.

    `content` is the report in canonical JSON: as text, so that each reader gets the same bytes for ever. The
    figures beside it are those that lists are filtered by.
    """

    __tablename__ = "night_reports"

    night: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    observed_count: Mapped[int] = mapped_column(BigInteger)
    observed_bytes: Mapped[int] = mapped_column(BigInteger)
    failures_count: Mapped[int] = mapped_column(BigInteger)
    archived_bytes: Mapped[int] = mapped_column(BigInteger)
    full_at: Mapped[datetime | None]
    content: Mapped[str] = mapped_column(deferred=True)


class Event(Base):
    """Something that an operator should know of. Append-only."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    task_id: Mapped[str | None] = mapped_column(index=True)
    dataproduct: Mapped[str | None]
    detail: Mapped[str]
    actor: Mapped[str]


class Service(Base):
    """A service that has sent a heartbeat. `troubles`: by status, what stands in its way and since when."""

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


class TaskDay(Base):
    """The last sequence number given to a task that starts on this day."""

    __tablename__ = "task_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    last_number: Mapped[int]


class Account(Base):
    """A person or service that may log in: with a password, with tokens, or with both."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Token(Base):
    """A random secret that logs an account in. It is long, so its bare SHA-256 is enough, and fast.

    A browser's session is one too, which the browser keeps in a cookie.
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
    """How often a client failed to log in as an account, lately; those of unknown names count together."""

    __tablename__ = "failed_logins"

    address: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    last_at: Mapped[datetime]


class KeptAnswer(Base):
    """The answer to a POST that came with an Idempotency-Key, for when it comes again."""

    __tablename__ = "kept_answers"

    account: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
