"""Observations, their leases, their claims, and the numbers of their taskIDs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from atdb_api.models.base import Base
from atdb_interface.lifecycle import Status


class Observation(Base):
    """One observation: its specification, and its present status."""

    __tablename__ = "observations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    task_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[Status]
    status_since: Mapped[datetime]
    held_from: Mapped[Status | None]
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: The account that has specified it; null if its history does not say.
    created_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    claim_id: Mapped[str | None]
    #: The number of its claims for each stage, and for each status that no stage waits for.
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
    #: Limited to the longest host name, because an index cannot hold any length.
    data_host: Mapped[str] = mapped_column(
        Computed("\"left\"(split_part(data_location, ':'::text, 1), 253)", persisted=True)
    )
    node: Mapped[str | None]
    irods_collection: Mapped[str | None]
    control_parameters: Mapped[str | None]
    skip_auto_ingest: Mapped[bool]
    options: Mapped[dict[str, Any]]
    #: The sum of the known sizes of its data products, kept by a trigger in the database.
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    lease: Mapped["Lease | None"] = relationship(back_populates="observation", passive_deletes=True)

    def end_claim(self) -> None:
        """End the claim of the observation, which must be locked, so that another claim can have it."""
        self.claimed_until = self.claim_id = None

    __table_args__ = (
        CheckConstraint("end_time > start_time", name="end_after_start"),
        # An observation that was aborted may be submitted again.
        Index(
            "uq_observations_mode_field_start",
            "observing_mode",
            "field_name",
            "start_time",
            unique=True,
            postgresql_where=text(f"status <> '{Status.ABORTED}'"),
        ),
        Index("ix_observations_status_start", "status", "start_time"),
        Index("ix_observations_start_time", "start_time"),
        Index("ix_observations_claimed", "claimed_until", postgresql_where=text("claimed_until is not null")),
        # Lists are ordered and filtered by these, and must stay fast as the history grows.
        Index("ix_observations_end_time", "end_time"),
        Index("ix_observations_status_since", "status_since"),
        Index("ix_observations_mode_start", "observing_mode", "start_time"),
        Index("ix_observations_name_start", "name", "start_time"),
        Index("ix_observations_data_host_start", "data_host", "start_time"),
        Index("ix_observations_size_start", "size_bytes", "start_time"),
    )


class Claim(Base):
    """What a consumer has claimed, kept so that a repeated claim gets the same answer."""

    __tablename__ = "claims"

    id: Mapped[str] = mapped_column(primary_key=True)
    consumer: Mapped[str]
    #: The account that made the claim; null if an earlier version did not record it. `for_account`: the other
    #: account that the claim was passed on to.
    account: Mapped[str | None]
    for_account: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    tasks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class Lease(Base):
    """The owner of an observation in a working status. Deleted when the observation leaves that status."""

    __tablename__ = "leases"

    observation_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("observations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    owner: Mapped[str]
    #: The account that works as this owner.
    account: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    lost_owners: Mapped[int] = mapped_column(server_default=text("0"))
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    done_bytes: Mapped[int | None] = mapped_column(BigInteger)
    total_bytes: Mapped[int | None] = mapped_column(BigInteger)
    trouble: Mapped[str | None]
    trouble_since: Mapped[datetime | None]
    observation: Mapped[Observation] = relationship(back_populates="lease")


class TaskDay(Base):
    """The last number used in a taskID of an observation that starts on this day."""

    __tablename__ = "task_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    last_number: Mapped[int]
